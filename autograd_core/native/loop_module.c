/* The loop as a function of Python, for the extension autograd_core.native._native. */

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "loop.h"

PyDoc_STRVAR(run_doc,
"run(program, /) -> bool\n"
"\n"
"Run the `struct run` at this address, see loop.h. True if the lanes must be looked at. NativeRun\n"
"keeps alive what lies there, and nothing is checked again here.");

/* The loop for this processor. */
static loop_function *chosen(void)
{
    static loop_function *loop;
    if (loop == NULL) {
        loop = loop_baseline;
#ifdef __x86_64__
        if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) loop = loop_avx2;
#endif
    }
    return loop;
}

/* Arguments that are whole numbers, addresses among them. -1 with an error if they are not. */
static int whole_numbers(
    size_t *numbers, PyObject *const *arguments, Py_ssize_t count, Py_ssize_t wanted)
{
    if (count != wanted) {
        PyErr_Format(PyExc_TypeError, "%zd whole numbers are taken, got %zd", wanted, count);
        return -1;
    }
    for (Py_ssize_t i = 0; i < count; i++) {
        numbers[i] = PyLong_AsSize_t(arguments[i]);
        if (numbers[i] == (size_t)-1 && PyErr_Occurred()) return -1;
    }
    return 0;
}

static PyObject *run(PyObject *module, PyObject *address)
{
    const struct run *program = PyLong_AsVoidPtr(address);
    (void)module;
    return program == NULL && PyErr_Occurred() ? NULL : PyBool_FromLong(chosen()(program));
}

PyDoc_STRVAR(descend_doc,
"descend(descent, rows, count, order, numbers, losses, begin, end, /) -> tuple[int, bool]\n"
"\n"
"Half steps of a `struct descent` and `struct steps`, see loop.h: all but `count` and the last two\n"
"are addresses. Returns the next half step, and whether something must be looked at before it.\n"
"IndexError if the order names a row that is not there.");

static PyObject *run_descent(PyObject *module, PyObject *const *arguments, Py_ssize_t count)
{
    size_t numbers[8];
    int failed;
    (void)module;
    if (whole_numbers(numbers, arguments, count, 8) < 0) return NULL;
    const struct descent *x = (const struct descent *)numbers[0];
    const struct steps steps = {
        (const double *)numbers[1], numbers[2], (const int64_t *)numbers[3],
        (const double *)numbers[4], (double *)numbers[5]};
    const size_t begin = numbers[6], end = numbers[7], lanes = x->program.lanes;
    for (size_t i = (begin + 1) / 2 * lanes; i < end / 2 * lanes; i++)
        if ((uint64_t)steps.order[i] >= steps.count)
            return PyErr_Format(
                PyExc_IndexError, "there is no example %lld: there are %zu",
                (long long)steps.order[i], steps.count);
    const size_t next = descend(x, &steps, begin, end, chosen(), &failed);
    return Py_BuildValue("nO", (Py_ssize_t)next, failed ? Py_True : Py_False);
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
        else PyTuple_SetItem(names, i, name);
    }
    return names;
}

PyMethodDef loop_methods[] = {
    {"run", run, METH_O, run_doc},
    {"descend", (PyCFunction)(void (*)(void))run_descent, METH_FASTCALL, descend_doc},
    {"opcodes", opcodes, METH_NOARGS, opcodes_doc},
    {NULL, NULL, 0, NULL},
};
