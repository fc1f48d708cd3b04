/* Value in C: the node of a graph, and the common case of what happens to it.

   `adopt` takes over the class in value.py, which stays the reference. Here is what that class does
   with Values and plain numbers while the result is finite and no mode is open; for all else the
   function of the class is called, so that errors, modes and odd operands are written once, in
   Python. No formula is written here either: gates.h is generated from the table of gates, see
   rules.py.

   What a node costs, and why it is cheap. It is 96 bytes, and no more: CPython's cyclic collector,
   which would want 16 bytes of each node and a visit now and then, is not told of it. That is safe
   because inputs are older than their node and are bound once, labels and lines are exact `str`, and
   so no node can be part of a cycle. (A gate of your own whose rule holds on to its own result is
   the exception: that is never freed.) */

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <structmember.h>

#ifdef Py_LIMITED_API /* one library for every CPython from 3.12 on: what is a macro elsewhere */
#define PyFloat_AS_DOUBLE PyFloat_AsDouble
#define PySet_GET_SIZE PySet_Size
#endif

typedef struct Node {
    PyObject_HEAD
    double data;
    union {
        double grad;
        uint64_t bits;       /* of grad: 0 if it is +0.0 */
        struct Node *next;   /* in the queue of those that are being freed */
    };
    struct Node *a, *b;      /* inputs; NULL for none */
    double slope_a, slope_b; /* slope_b of a gate with one operand: its parameter, as the 2 of x**2 */
    int64_t stamp;           /* how many writes there had been, see `graph.is_stale` */
    PyObject *label;         /* NULL for "" */
    PyObject *weak;          /* weak references to it */
    uint32_t index;          /* its place in the order of the last walk that came here */
    uint16_t op;             /* 0 for a leaf, else the gate's place in the table, from 1; or OWN */
    uint16_t noted;          /* whether `notes` has something of it */
} Node;

enum { OWN = UINT16_MAX };   /* a gate that is not in the table */

static PyTypeObject *type;   /* Value */
static PyObject *plain;      /* dict: what the class in Python has, by name */
static PyObject *table;      /* the gates, in the order of the table */
static PyObject *places;     /* dict: gate -> op */
static PyObject *contexts;   /* the set of modes that are open, in all threads */
static PyObject *notes;      /* dict: address -> dict of what few nodes have: gate, line, constants */
static PyObject *nothing, *empty; /* "" and () */
static int64_t writes;

/* ------------------------------------------------------------------------------------- nodes */

static inline int in_a_mode(void)
{
    return PySet_GET_SIZE(contexts) != 0;
}

/* A new node. It takes over the references a and b, also where there is no memory for it. */
static inline PyObject *made(int op, double data, Node *a, Node *b, double slope_a, double slope_b)
{
    Node *v = PyObject_New(Node, type);
    if (v == NULL) {
        Py_XDECREF((PyObject *)a);
        Py_XDECREF((PyObject *)b);
        return NULL;
    }
    v->data = data;
    v->grad = 0.0;
    v->a = a;
    v->b = b;
    v->slope_a = slope_a;
    v->slope_b = slope_b;
    v->stamp = writes;
    v->label = v->weak = NULL;
    v->index = 0;
    v->op = (uint16_t)op;
    v->noted = 0;
    return (PyObject *)v;
}

/* A number of Python's own; 0, and no error, for all else and for an int beyond every float. */
static inline int plain_number(PyObject *x, double *number)
{
    if (PyFloat_CheckExact(x)) {
        *number = PyFloat_AS_DOUBLE(x);
        return 1;
    }
    if (!PyLong_CheckExact(x)) return 0;
    *number = PyLong_AsDouble(x);
    if (*number != -1.0 || !PyErr_Occurred()) return 1;
    PyErr_Clear();
    return 0;
}

/* An operand as a Value, a plain number as a leaf; NULL, and no error, for all else. */
static inline Node *operand(PyObject *x)
{
    double number;
    if (Py_TYPE(x) == type) return (Node *)Py_NewRef(x);
    if (!plain_number(x, &number)) return NULL;
    Node *v = (Node *)made(0, number, NULL, NULL, 0.0, 0.0);
    if (v == NULL) PyErr_Clear(); /* the class in Python will find that there is no memory */
    return v;
}

/* Freeing goes by a queue, not by recursion: a chain may be a million gates long, the stack is not. */
static void dealloc(PyObject *self)
{
    static Node *first;
    static int busy;
    ((Node *)self)->next = first;
    first = (Node *)self;
    if (busy) return; /* whoever empties the queue comes to it */
    busy = 1;
    while (first != NULL) {
        Node *v = first;
        first = v->next;
        if (v->weak != NULL) PyObject_ClearWeakRefs((PyObject *)v);
        if (v->noted) {
            PyObject *key = PyLong_FromVoidPtr(v);
            if (key == NULL || PyDict_DelItem(notes, key) < 0) PyErr_WriteUnraisable(NULL);
            Py_XDECREF(key);
        }
        Py_XDECREF(v->label);
        Py_XDECREF((PyObject *)v->a);
        Py_XDECREF((PyObject *)v->b);
        PyObject_Free(v);
        Py_DECREF(type);
    }
    busy = 0;
}

/* --------------------------------------------------------------------------- gates as methods */

/* What the class in Python does under that name. */
static PyObject *plainly(const char *name, PyObject *const *arguments, size_t count, PyObject *named)
{
    PyObject *function = PyDict_GetItemString(plain, name);
    if (function == NULL) return PyErr_Format(PyExc_SystemError, "Value has no %s", name);
    return PyObject_Vectorcall(function, arguments, count, named);
}

/* A method of one operand: v.exp(). */
#define UNARY(gate, op, name)                                                                  \
    static PyObject *gate_##gate(PyObject *self, PyObject *Py_UNUSED(none))                    \
    {                                                                                          \
        double y, slope;                                                                       \
        if (!in_a_mode()) {                                                                    \
            rule_##gate(((Node *)self)->data, &y, &slope);                                     \
            if (isfinite(y)) return made(op, y, (Node *)Py_NewRef(self), NULL, slope, 0.0);    \
        }                                                                                      \
        return plainly(name, &self, 1, NULL);                                                  \
    }

/* A method of one operand with a parameter that may be left out: v.elu(), v.elu(0.5). */
#define PARAMETRIC(gate, op, name, usual)                                                      \
    static PyObject *gate_##gate(                                                              \
        PyObject *self, PyObject *const *given, Py_ssize_t count, PyObject *named)             \
    {                                                                                          \
        double y, slope, parameter = usual;                                                    \
        if (!in_a_mode() && named == NULL                                                      \
            && (count == 0 || (count == 1 && plain_number(given[0], &parameter)))) {           \
            rule_##gate(((Node *)self)->data, parameter, &y, &slope);                          \
            if (isfinite(y))                                                                   \
                return made(op, y, (Node *)Py_NewRef(self), NULL, slope, parameter);           \
        }                                                                                      \
        return with_self(name, self, given, count, named);                                     \
    }

/* An operator of two operands, either of which may be the Value. */
#define BINARY(gate, op, name, reflected)                                                      \
    static PyObject *gate_##gate(PyObject *left, PyObject *right)                              \
    {                                                                                          \
        if (!in_a_mode()) {                                                                    \
            Node *a = operand(left), *b = a == NULL ? NULL : operand(right);                   \
            if (b != NULL) {                                                                   \
                double y, slope_a, slope_b;                                                    \
                rule_##gate(a->data, b->data, &y, &slope_a, &slope_b);                         \
                if (isfinite(y)) return made(op, y, a, b, slope_a, slope_b);                   \
                Py_DECREF(b);                                                                  \
            }                                                                                  \
            Py_XDECREF((PyObject *)a);                                                         \
        }                                                                                      \
        return either(name, reflected, left, right);                                           \
    }

/* A method of two operands: v.max(other). */
#define METHOD(gate, op, name)                                                                 \
    static PyObject *gate_##gate(                                                              \
        PyObject *self, PyObject *const *given, Py_ssize_t count, PyObject *named)             \
    {                                                                                          \
        if (!in_a_mode() && named == NULL && count == 1) {                                     \
            Node *b = operand(given[0]);                                                       \
            if (b != NULL) {                                                                   \
                double y, slope_a, slope_b;                                                    \
                rule_##gate(((Node *)self)->data, b->data, &y, &slope_a, &slope_b);            \
                if (isfinite(y))                                                               \
                    return made(op, y, (Node *)Py_NewRef(self), b, slope_a, slope_b);          \
                Py_DECREF(b);                                                                  \
            }                                                                                  \
        }                                                                                      \
        return with_self(name, self, given, count, named);                                     \
    }

/* The method in Python, called with what came to the one in C. */
static PyObject *with_self(
    const char *name, PyObject *self, PyObject *const *given, Py_ssize_t count, PyObject *named)
{
    size_t rest = (size_t)count + (named == NULL ? 0 : (size_t)PyTuple_Size(named));
    PyObject **all = PyMem_Malloc((rest + 1) * sizeof(PyObject *));
    if (all == NULL) return PyErr_NoMemory();
    all[0] = self;
    for (size_t i = 0; i < rest; i++) all[i + 1] = given[i];
    PyObject *answer = plainly(name, all, (size_t)count + 1, named);
    PyMem_Free(all);
    return answer;
}

/* The operator in Python; Python itself tries the operand on the left first. */
static PyObject *either(const char *name, const char *reflected, PyObject *left, PyObject *right)
{
    if (Py_TYPE(left) == type) return plainly(name, (PyObject *[]){left, right}, 2, NULL);
    return plainly(reflected, (PyObject *[]){right, left}, 2, NULL);
}

#include "gates.h"

static PyObject *negative(PyObject *self) { return gate_neg(self, NULL); }
static PyObject *absolute(PyObject *self) { return gate_abs(self, NULL); }

/* x ** 2 is a gate of one operand with a parameter, x ** y one of two. */
static PyObject *power(PyObject *left, PyObject *right, PyObject *modulus)
{
    if (!in_a_mode() && modulus == Py_None && Py_TYPE(left) == type) {
        double x = ((Node *)left)->data, y, slope_a, slope_b, exponent;
        if (Py_TYPE(right) == type) {
            rule_pow(x, ((Node *)right)->data, &y, &slope_a, &slope_b);
            if (isfinite(y))
                return made(
                    OP_POW, y, (Node *)Py_NewRef(left), (Node *)Py_NewRef(right), slope_a, slope_b);
        }
        else if (plain_number(right, &exponent)) {
            rule_power(x, exponent, &y, &slope_a);
            if (isfinite(y)) return made(OP_POWER, y, (Node *)Py_NewRef(left), NULL, slope_a, exponent);
        }
    }
    if (Py_TYPE(left) == type) return plainly("__pow__", (PyObject *[]){left, right, modulus}, 3, NULL);
    if (Py_TYPE(right) == type) return plainly("__rpow__", (PyObject *[]){right, left, modulus}, 3, NULL);
    return plainly("__rpow__", (PyObject *[]){modulus, left, right}, 3, NULL); /* pow(2, 3, v) */
}

/* --------------------------------------------------------------------------------- attributes */

/* Value(2.0), Value(2.0, "x"), Value(2.0, label="x"). */
static int init(PyObject *self, PyObject *given, PyObject *named)
{
    Node *v = (Node *)self;
    Py_ssize_t count = PyTuple_Size(given);
    PyObject *label = count == 2 ? PyTuple_GetItem(given, 1) : NULL;
    int simple = !in_a_mode() && v->op == 0 && !v->noted && (count == 1 || (count == 2 && named == NULL));
    if (simple && named != NULL) {
        label = PyDict_GetItemString(named, "label");
        simple = label != NULL && PyDict_Size(named) == 1;
    }
    simple = simple && (label == NULL || PyUnicode_CheckExact(label));
    double number; /* of its own: an int beyond every float must leave the old one */
    if (simple && plain_number(PyTuple_GetItem(given, 0), &number)) {
        v->data = number;
        v->grad = 0.0;
        v->stamp = writes;
        PyObject *before = v->label;
        v->label = label == NULL || PyUnicode_GetLength(label) == 0 ? NULL : Py_NewRef(label);
        Py_XDECREF(before);
        return 0;
    }
    PyObject *first = PyTuple_Pack(1, self), *all = first == NULL ? NULL : PySequence_Concat(first, given);
    PyObject *done = all == NULL ? NULL : PyObject_Call(PyDict_GetItemString(plain, "__init__"), all, named);
    Py_XDECREF(first);
    Py_XDECREF(all);
    Py_XDECREF(done);
    return done == NULL ? -1 : 0;
}

/* `data` and `grad`: in a mode, the property of the class in Python decides. */
static PyObject *get_number(PyObject *self, void *name)
{
    if (in_a_mode()) {
        descrgetfunc get = (descrgetfunc)PyType_GetSlot(&PyProperty_Type, Py_tp_descr_get);
        return get(PyDict_GetItemString(plain, name), self, (PyObject *)type);
    }
    Node *v = (Node *)self;
    return PyFloat_FromDouble(*(const char *)name == 'd' ? v->data : v->grad);
}

static int set_number(PyObject *self, PyObject *number, void *name)
{
    descrsetfunc set = (descrsetfunc)PyType_GetSlot(&PyProperty_Type, Py_tp_descr_set);
    return set(PyDict_GetItemString(plain, name), self, number);
}

static PyObject *get_input(PyObject *self, void *offset)
{
    PyObject *input = *(PyObject **)((char *)self + (size_t)offset);
    return Py_NewRef(input == NULL ? Py_None : input);
}

/* Only value.py binds inputs, of a node that it has just made, and `release` unbinds them. */
static int set_input(PyObject *self, PyObject *input, void *offset)
{
    PyObject **place = (PyObject **)((char *)self + (size_t)offset), *before = *place;
    if (input == NULL || (input != Py_None && Py_TYPE(input) != type)) {
        PyErr_SetString(PyExc_TypeError, "an input is a Value or None");
        return -1;
    }
    *place = input == Py_None ? NULL : Py_NewRef(input);
    Py_XDECREF(before);
    return 0;
}

static PyObject *get_label(PyObject *self, void *Py_UNUSED(none))
{
    PyObject *label = ((Node *)self)->label;
    return Py_NewRef(label == NULL ? nothing : label);
}

/* An exact str: an instance of a subclass could refer to the node and so make a cycle. */
static int set_label(PyObject *self, PyObject *label, void *Py_UNUSED(none))
{
    Node *v = (Node *)self;
    PyObject *before = v->label, *text = label == NULL ? Py_NewRef(nothing) : PyUnicode_FromObject(label);
    if (text == NULL) return -1;
    if (PyUnicode_GetLength(text) == 0) Py_CLEAR(text);
    v->label = text;
    Py_XDECREF(before);
    return 0;
}

/* What few nodes have. Returns a new reference, or NULL without an error. */
static PyObject *noted(Node *v, const char *name)
{
    PyObject *key = v->noted ? PyLong_FromVoidPtr(v) : NULL;
    PyObject *entry = key == NULL ? NULL : PyDict_GetItem(notes, key);
    Py_XDECREF(key);
    return entry == NULL ? NULL : Py_XNewRef(PyDict_GetItemString(entry, name));
}

static int note(Node *v, const char *name, PyObject *thing)
{
    PyObject *key = PyLong_FromVoidPtr(v);
    PyObject *entry = key == NULL ? NULL : v->noted ? Py_XNewRef(PyDict_GetItem(notes, key)) : PyDict_New();
    int failed = entry == NULL || PyDict_SetItemString(entry, name, thing) < 0;
    if (!failed && !v->noted) {
        failed = PyDict_SetItem(notes, key, entry) < 0;
        v->noted = !failed;
    }
    Py_XDECREF(entry);
    Py_XDECREF(key);
    return failed ? -1 : 0;
}

static PyObject *get_line(PyObject *self, void *Py_UNUSED(none))
{
    PyObject *line = noted((Node *)self, "line");
    return line == NULL ? Py_NewRef(nothing) : line;
}

static int set_line(PyObject *self, PyObject *line, void *Py_UNUSED(none))
{
    if (line == nothing && !((Node *)self)->noted) return 0;
    PyObject *text = line == NULL ? Py_NewRef(nothing) : PyUnicode_FromObject(line);
    int answer = text == NULL ? -1 : note((Node *)self, "line", text);
    Py_XDECREF(text);
    return answer;
}

static PyObject *get_gate(PyObject *self, void *Py_UNUSED(none))
{
    Node *v = (Node *)self;
    if (v->op == 0) return Py_NewRef(Py_None);
    if (v->op != OWN) return Py_NewRef(PyTuple_GetItem(table, v->op - 1));
    PyObject *gate = noted(v, "gate");
    return gate == NULL ? Py_NewRef(Py_None) : gate;
}

static int set_gate(PyObject *self, PyObject *gate, void *Py_UNUSED(none))
{
    Node *v = (Node *)self;
    if (gate == NULL || gate == Py_None) {
        v->op = 0;
        return 0;
    }
    PyObject *op = PyDict_GetItemWithError(places, gate);
    if (op == NULL && (PyErr_Occurred() || note(v, "gate", gate) < 0)) return -1;
    v->op = op == NULL ? OWN : (uint16_t)PyLong_AsLong(op);
    return 0;
}

/* Whether its gate has one operand and one parameter, which then lies in slope_b. */
static int has_parameter(const Node *v)
{
    return v->op != 0 && v->op != OWN && PARAMETRIC_GATES[v->op - 1];
}

static PyObject *get_constants(PyObject *self, void *Py_UNUSED(none))
{
    Node *v = (Node *)self;
    if (has_parameter(v)) return Py_BuildValue("(d)", v->slope_b);
    PyObject *constants = noted(v, "constants");
    return constants == NULL ? Py_NewRef(empty) : constants;
}

static int set_constants(PyObject *self, PyObject *constants, void *Py_UNUSED(none))
{
    Node *v = (Node *)self;
    if (constants == NULL || !PyTuple_CheckExact(constants)) {
        PyErr_SetString(PyExc_TypeError, "constants are a tuple of floats");
        return -1;
    }
    if (has_parameter(v) && PyTuple_Size(constants) == 1) {
        v->slope_b = PyFloat_AsDouble(PyTuple_GetItem(constants, 0));
        return v->slope_b == -1.0 && PyErr_Occurred() ? -1 : 0;
    }
    if (PyTuple_Size(constants) == 0 && !v->noted) return 0;
    return note(v, "constants", constants);
}

/* What value.py writes into a new node for its own use, and only its own functions read. */
static int set_unused(PyObject *Py_UNUSED(self), PyObject *Py_UNUSED(thing), void *Py_UNUSED(none))
{
    return 0;
}

/* record(gate, data, a, b, slope_a, slope_b): what `apply` makes of any gate of the table. */
static PyObject *record(PyObject *Py_UNUSED(module), PyObject *const *given, Py_ssize_t count)
{
    PyObject *op = count == 6 && !in_a_mode() ? PyDict_GetItemWithError(places, given[0]) : NULL;
    if (op == NULL || Py_TYPE(given[2]) != type || (given[3] != Py_None && Py_TYPE(given[3]) != type)
        || !PyFloat_CheckExact(given[1]) || !PyFloat_CheckExact(given[4]) || !PyFloat_CheckExact(given[5])) {
        if (PyErr_Occurred()) return NULL;
        return plainly("record", given, (size_t)count, NULL);
    }
    Node *a = (Node *)Py_NewRef(given[2]);
    Node *b = given[3] == Py_None ? NULL : (Node *)Py_NewRef(given[3]);
    return made((int)PyLong_AsLong(op), PyFloat_AS_DOUBLE(given[1]), a, b,
                PyFloat_AS_DOUBLE(given[4]), PyFloat_AS_DOUBLE(given[5]));
}

/* -------------------------------------------------------------------------- walking the graph */

typedef struct {
    Node **at;
    size_t count, room;
} List;

static int push(List *list, Node *v)
{
    if (list->count == list->room) {
        size_t room = list->room == 0 ? 512 : list->room * 2;
        Node **at = room > UINT32_MAX ? NULL : realloc(list->at, room * sizeof(Node *));
        if (at == NULL) {
            PyErr_NoMemory();
            return -1;
        }
        list->at = at;
        list->room = room;
    }
    list->at[list->count++] = v;
    return 0;
}

/* Whether v is in the order. Its index may stem from an earlier walk: then another node, or none,
   is there. So no walk has to clear up after itself, and none is misled by one that failed. */
static inline int in_order(const List *order, const Node *v)
{
    return v->index < order->count && order->at[v->index] == v;
}

/* Add what root depends on to the order: depth first, inputs before results, left before right. */
static int walk(List *order, Node *root)
{
    List waiting = {0}; /* values whose inputs come first */
    Node *v = root;
    int failed = 0;
    if (in_order(order, root)) return 0;
    for (;;) {
        Node *next = v->a != NULL && !in_order(order, v->a)   ? v->a
                     : v->b != NULL && !in_order(order, v->b) ? v->b
                                                              : NULL;
        if (next != NULL) {
            if ((failed = push(&waiting, v) < 0)) break;
            v = next;
            continue;
        }
        v->index = (uint32_t)order->count;
        if ((failed = push(order, v) < 0) || waiting.count == 0) break;
        v = waiting.at[--waiting.count];
    }
    free(waiting.at);
    return failed ? -1 : 0;
}

static PyObject *topological(PyObject *Py_UNUSED(module), PyObject *const *roots, Py_ssize_t count, PyObject *named)
{
    int values = count > 0 && named == NULL;
    for (Py_ssize_t i = 0; values && i < count; i++) values = Py_TYPE(roots[i]) == type;
    if (!values) return plainly("topological", roots, (size_t)count, named); /* says what is wrong */
    List order = {0};
    int failed = 0;
    for (Py_ssize_t i = 0; !failed && i < count; i++) failed = walk(&order, (Node *)roots[i]) < 0;
    PyObject *result = failed ? NULL : PyList_New((Py_ssize_t)order.count);
    for (size_t i = 0; result != NULL && i < order.count; i++)
        PyList_SetItem(result, (Py_ssize_t)i, Py_NewRef((PyObject *)order.at[i]));
    free(order.at);
    return result;
}

/* One backward pass, added to every grad. Python code runs nowhere in it, so that Ctrl-C or another
   thread finds all of it done, or nothing. The sums of the pass run up in `grad` itself; what was
   there before waits beside the order, and is added at the end. */
static PyObject *accumulate(PyObject *Py_UNUSED(module), PyObject *const *given, Py_ssize_t count)
{
    double seed;
    if (count != 2 || Py_TYPE(given[0]) != type || !plain_number(given[1], &seed)) {
        PyErr_SetString(PyExc_TypeError, "accumulate(root, seed) takes a Value and a number");
        return NULL;
    }
    List order = {0};
    double *before = NULL;
    Node *root = (Node *)given[0];
    int failed = walk(&order, root) < 0;
    size_t last = order.count; /* the last that had a gradient: often none has */
    if (!failed) {
        while (last > 0 && order.at[last - 1]->bits == 0) last--;
        before = last == 0 ? NULL : malloc(last * sizeof(double));
        failed = last > 0 && before == NULL;
        if (failed) PyErr_NoMemory();
    }
    if (!failed) {
        for (size_t i = 0; i < last; i++) {
            before[i] = order.at[i]->grad;
            order.at[i]->grad = 0.0;
        }
        root->grad = seed;
        for (size_t i = order.count; i-- > 0;) {
            Node *v = order.at[i];
            if (v->a != NULL) v->a->grad += v->grad * v->slope_a;
            if (v->b != NULL) v->b->grad += v->grad * v->slope_b;
        }
        for (size_t i = 0; i < last; i++) order.at[i]->grad = before[i] + order.at[i]->grad;
    }
    free(before);
    free(order.at);
    return failed ? NULL : Py_NewRef(Py_None);
}

/* -------------------------------------------------------------------------------- the module */

static PyMemberDef members[] = {
    {"_number", T_DOUBLE, offsetof(Node, data), 0, NULL},
    {"_grad", T_DOUBLE, offsetof(Node, grad), 0, NULL},
    {"_slope_a", T_DOUBLE, offsetof(Node, slope_a), 0, NULL},
    {"_slope_b", T_DOUBLE, offsetof(Node, slope_b), 0, NULL},
    {"_stamp", T_LONGLONG, offsetof(Node, stamp), 0, NULL},
    {"__weaklistoffset__", T_PYSSIZET, offsetof(Node, weak), READONLY, NULL},
    {NULL},
};
static PyGetSetDef attributes[] = {
    {"data", get_number, set_number, NULL, "data"},
    {"grad", get_number, set_number, NULL, "grad"},
    {"_a", get_input, set_input, NULL, (void *)offsetof(Node, a)},
    {"_b", get_input, set_input, NULL, (void *)offsetof(Node, b)},
    {"_gate", get_gate, set_gate, NULL, NULL},
    {"_label", get_label, set_label, NULL, NULL},
    {"constants", get_constants, set_constants, NULL, NULL},
    {"line", get_line, set_line, NULL, NULL},
    {"_seen", NULL, set_unused, NULL, NULL},
    {"_rest", NULL, set_unused, NULL, NULL},
    {NULL},
};
static PyMethodDef methods[] = {METHODS{NULL}};
static PyType_Slot slots[] = {
    {Py_tp_dealloc, dealloc}, {Py_tp_init, init}, {Py_tp_members, members}, {Py_tp_getset, attributes},
    {Py_tp_methods, methods}, {Py_nb_add, gate_add}, {Py_nb_subtract, gate_sub},
    {Py_nb_multiply, gate_mul}, {Py_nb_true_divide, gate_div}, {Py_nb_power, power},
    {Py_nb_negative, negative}, {Py_nb_absolute, absolute}, {0},
};
static PyType_Spec spec = {
    "autograd_core.value.Value", sizeof(Node), 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE, slots,
};

/* adopt(members of the class, gates of the table, the set of open modes) -> Value, in C. */
static PyObject *adopt(PyObject *Py_UNUSED(module), PyObject *given)
{
    PyObject *functions, *gates, *modes;
    if (!PyArg_ParseTuple(given, "O!O!O!", &PyDict_Type, &functions, &PyTuple_Type, &gates, &PySet_Type, &modes))
        return NULL;
    if (PyTuple_Size(gates) < GATES) return PyErr_Format(PyExc_ValueError, "%d gates expected", GATES);
    if (PyDict_Update(plain, functions) < 0 || (places = PyDict_New()) == NULL) return NULL;
    for (Py_ssize_t i = 0; i < GATES; i++) {
        PyObject *op = PyLong_FromSsize_t(i + 1);
        if (op == NULL || PyDict_SetItem(places, PyTuple_GetItem(gates, i), op) < 0) return NULL;
        Py_DECREF(op);
    }
    table = Py_NewRef(gates);
    contexts = Py_NewRef(modes);
    type = (PyTypeObject *)PyType_FromSpec(&spec);
    return Py_XNewRef((PyObject *)type);
}

static PyObject *count_writes(PyObject *Py_UNUSED(module), PyObject *count)
{
    writes = PyLong_AsLongLong(count);
    return PyErr_Occurred() ? NULL : Py_NewRef(Py_None);
}

static PyMethodDef functions[] = {
    {"adopt", adopt, METH_VARARGS, NULL},
    {"topological", (PyCFunction)(void (*)(void))topological, METH_FASTCALL | METH_KEYWORDS, TOPOLOGICAL_DOC},
    {"record", (PyCFunction)(void (*)(void))record, METH_FASTCALL, NULL},
    {"accumulate", (PyCFunction)(void (*)(void))accumulate, METH_FASTCALL, NULL},
    {"count_writes", count_writes, METH_O, NULL},
    {NULL},
};
static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, "_native", NULL, -1, functions};

#ifndef _MSC_VER /* which has no vector types: programs run on NumPy there */
extern PyMethodDef loop_methods[]; /* in loop_module.c */
extern const char loop_opcodes[];  /* in loop.c: what it was built for */
#else
static PyMethodDef loop_methods[] = {{NULL}};
static const char loop_opcodes[] = "";
#endif

PyMODINIT_FUNC PyInit__native(void)
{
    PyObject *module = PyModule_Create(&definition);
    plain = PyDict_New();
    notes = PyDict_New();
    nothing = PyUnicode_FromString("");
    empty = PyTuple_New(0);
    if (module == NULL || plain == NULL || notes == NULL || nothing == NULL || empty == NULL
        || PyModule_AddObjectRef(module, "plain", plain) < 0
        || PyModule_AddObjectRef(module, "notes", notes) < 0
        || PyModule_AddStringConstant(module, "DIGEST", DIGEST) < 0
        || PyModule_AddStringConstant(module, "OPCODES", loop_opcodes) < 0
        || PyModule_AddFunctions(module, loop_methods) < 0)
        return NULL;
    return module;
}
