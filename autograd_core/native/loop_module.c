/* The loop as a function of Python, for the extension autograd_core.native._native. */

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "loop.h"

PyDoc_STRVAR(run_doc,
"run(memory, blocks, size, table, lanes, /) -> bool\n"
"\n"
"Run `size` blocks on a memory; the first three of these, and the table, are addresses. True if\n"
"the lanes must be looked at. NativeRun keeps alive what lies there, and checks nothing again here.");

static PyObject *run(PyObject *module, PyObject *const *arguments, Py_ssize_t count)
{
    static loop_function *chosen;
    (void)module;
    if (count != 5) {
        PyErr_SetString(PyExc_TypeError, "run takes five whole numbers");
        return NULL;
    }
    size_t numbers[5];
    for (int i = 0; i < 5; i++) {
        numbers[i] = PyLong_AsSize_t(arguments[i]);
        if (numbers[i] == (size_t)-1 && PyErr_Occurred()) return NULL;
    }
    if (chosen == NULL) {
        chosen = loop_baseline;
#ifdef __x86_64__
        if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) chosen = loop_avx2;
#endif
    }
    return PyBool_FromLong(chosen(
        (double *)numbers[0], (const struct block *)numbers[1], numbers[2],
        (const place *)numbers[3], numbers[4]));
}

PyDoc_STRVAR(opcodes_doc,
"opcodes() -> tuple[str, ...]\n"
"\n"
"What the loop was built for: an opcode's number is its place here.");

static PyObject *opcodes(PyObject *module, PyObject *none)
{
    (void)module;
    (void)none;
    Py_ssize_t count = 0;
    while (loop_opcodes[count] != NULL) count++;
    PyObject *names = PyTuple_New(count);
    for (Py_ssize_t i = 0; names != NULL && i < count; i++) {
        PyObject *name = PyUnicode_FromString(loop_opcodes[i]);
        if (name == NULL) Py_CLEAR(names);
        else PyTuple_SET_ITEM(names, i, name);
    }
    return names;
}

PyMethodDef loop_methods[] = {
    {"run", (PyCFunction)(void (*)(void))run, METH_FASTCALL, run_doc},
    {"opcodes", opcodes, METH_NOARGS, opcodes_doc},
    {NULL, NULL, 0, NULL},
};
