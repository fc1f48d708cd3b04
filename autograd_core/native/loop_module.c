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

static PyObject *run_descent(PyObject *module, PyObject *given)
{
    unsigned long long descent, rows, rows_count, order, numbers, losses;
    Py_ssize_t begin, end;
    int failed;
    (void)module;
    if (!PyArg_ParseTuple(
            given, "KKKKKKnn", &descent, &rows, &rows_count, &order, &numbers, &losses, &begin, &end))
        return NULL;
    const struct descent *x = (const void *)(uintptr_t)descent;
    const struct steps steps = {
        (const void *)(uintptr_t)rows, rows_count, (const void *)(uintptr_t)order,
        (const void *)(uintptr_t)numbers, (void *)(uintptr_t)losses};
    const size_t lanes = x->program.lanes;
    for (size_t i = (size_t)(begin + 1) / 2 * lanes; i < (size_t)end / 2 * lanes; i++)
        if ((uint64_t)steps.order[i] >= steps.count)
            return PyErr_Format(
                PyExc_IndexError, "there is no example %lld: there are %zu",
                (long long)steps.order[i], steps.count);
    const size_t next = descend(x, &steps, (size_t)begin, (size_t)end, chosen(), &failed);
    return Py_BuildValue("nO", (Py_ssize_t)next, failed ? Py_True : Py_False);
}

PyMethodDef loop_methods[] = {
    {"run", run, METH_O, run_doc},
    {"descend", run_descent, METH_VARARGS, descend_doc},
    {NULL, NULL, 0, NULL},
};
