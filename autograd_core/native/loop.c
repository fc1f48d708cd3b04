/* The loop that runs a compiled program: block after block, over all lanes.

   It is compiled twice on x86-64, for any processor and for those with AVX2 and FMA, under the name
   that LOOP says. Gates round as the engine does: compile with -ffp-contract=off. Only in sums,
   which are in another order anyway, a product may be added without being rounded first. */

#include "loop.h"

#ifndef LOOP
#define LOOP loop_baseline
#define WITH_NAMES
#endif

/* No result overlaps what its block reads, which a compiler cannot see. */
#ifdef __clang__
#define IVDEP _Pragma("clang loop vectorize(assume_safety)")
#define UNROLL _Pragma("unroll")
#else
#define IVDEP _Pragma("GCC ivdep")
#define UNROLL _Pragma("GCC unroll 8")
#endif

/* As many numbers as a register holds; and two; they may lie at any address of a double. */
typedef double pair __attribute__((vector_size(16), aligned(8), may_alias));
#ifdef __AVX__
enum { WIDE = 4 };
typedef double wide __attribute__((vector_size(32), aligned(8), may_alias));
#else
enum { WIDE = 2 };
typedef pair wide;
#endif
typedef double lone;

/* ------------------------------------------------------------------------------------- sums */
#ifdef __clang__
#pragma clang fp contract(fast)
#else
#pragma GCC push_options
#pragma GCC optimize("fp-contract=fast")
#endif

/* Two matrices and their product c, whose rows start as the biases, if there are any:
   c[i, q] = bias[i] + sum over k of a[i, k] b[k, q], for i < n, k < m, q < p. */
struct product {
    const double *memory;
    const place *bias;
    double *c;
    const double *a, *b;
    size_t by_c, by_row, by_column, by_b, n, m, p;
};

/* A tile of c, `rows` by `columns` vectors from (i, q) on, stays in registers while k runs: each
   number of a and b is read once per tile. The counts are constants, so the inner loops vanish. */
#define TILE(name, type, rows, columns) \
    static inline void name(const struct product *x, size_t i, size_t q) \
    { \
        enum { SIZE = sizeof(type) / sizeof(double) }; \
        type sum[rows][columns]; \
        UNROLL for (size_t r = 0; r < rows; r++) \
            UNROLL for (size_t v = 0; v < columns; v++) \
                sum[r][v] = (x->bias ? x->memory[x->bias[i + r]] : 0.0) - (type){0}; \
        const double *left = x->a + i * x->by_row, *right = x->b + q; \
        for (size_t k = 0; k < x->m; k++, left += x->by_column, right += x->by_b) \
            UNROLL for (size_t r = 0; r < rows; r++) \
                UNROLL for (size_t v = 0; v < columns; v++) \
                    sum[r][v] += left[r * x->by_row] * *(const type *)(right + v * SIZE); \
        UNROLL for (size_t r = 0; r < rows; r++) \
            UNROLL for (size_t v = 0; v < columns; v++) \
                *(type *)(x->c + (i + r) * x->by_c + q + v * SIZE) = sum[r][v]; \
    }
TILE(tile_4_3, wide, 4, 3)
TILE(tile_4_2, wide, 4, 2)
TILE(tile_4_1, wide, 4, 1)
TILE(tile_4_pair, pair, 4, 1)
TILE(tile_4_lone, lone, 4, 1)
TILE(tile_1_5, wide, 1, 5)
TILE(tile_1_3, wide, 1, 3)
TILE(tile_1_1, wide, 1, 1)
TILE(tile_1_pair, pair, 1, 1)
TILE(tile_1_lone, lone, 1, 1)

static __attribute__((noinline)) void multiply(struct product x)
{
    size_t i = 0, q;
    for (; i + 4 <= x.n; i += 4) {
        for (q = 0; q + 3 * WIDE <= x.p; q += 3 * WIDE) tile_4_3(&x, i, q);
        for (; q + 2 * WIDE <= x.p; q += 2 * WIDE) tile_4_2(&x, i, q);
        for (; q + WIDE <= x.p; q += WIDE) tile_4_1(&x, i, q);
        for (; q + 2 <= x.p; q += 2) tile_4_pair(&x, i, q);
        for (; q < x.p; q++) tile_4_lone(&x, i, q);
    }
    for (; i < x.n; i++) {
        for (q = 0; q + 5 * WIDE <= x.p; q += 5 * WIDE) tile_1_5(&x, i, q);
        for (; q + 3 * WIDE <= x.p; q += 3 * WIDE) tile_1_3(&x, i, q);
        for (; q + WIDE <= x.p; q += WIDE) tile_1_1(&x, i, q);
        for (; q + 2 <= x.p; q += 2) tile_1_pair(&x, i, q);
        for (; q < x.p; q++) tile_1_lone(&x, i, q);
    }
}

INLINE double total(wide x)
{
    return WIDE == 2 ? x[0] + x[1] : (x[0] + x[WIDE / 2]) + (x[1] + x[WIDE - 1]);
}

/* The sum of the products of numbers that lie side by side; four sums, so that none waits. */
static double along(const double *a, const double *b, size_t count)
{
    wide sum[4] = {{0}, {0}, {0}, {0}};
    size_t k = 0;
    for (; k + 4 * WIDE <= count; k += 4 * WIDE)
        UNROLL for (size_t v = 0; v < 4; v++)
            sum[v] += *(const wide *)(a + k + v * WIDE) * *(const wide *)(b + k + v * WIDE);
    for (; k + WIDE <= count; k += WIDE) sum[0] += *(const wide *)(a + k) * *(const wide *)(b + k);
    double rest = total((sum[0] + sum[1]) + (sum[2] + sum[3]));
    for (; k < count; k++) rest += a[k] * b[k];
    return rest;
}

/* Four rows of a matrix times the same numbers, at the same time: b is read once, and no sum waits
   for another. */
static void along_4(const double *a, size_t by_row, const double *b, size_t count, double *answers)
{
    const double *row[4] = {a, a + by_row, a + 2 * by_row, a + 3 * by_row};
    wide sum[4] = {{0}, {0}, {0}, {0}};
    size_t k = 0;
    for (; k + WIDE <= count; k += WIDE)
        UNROLL for (int r = 0; r < 4; r++)
            sum[r] += *(const wide *)(row[r] + k) * *(const wide *)(b + k);
    for (int r = 0; r < 4; r++) answers[r] = total(sum[r]);
    for (; k < count; k++)
        for (int r = 0; r < 4; r++) answers[r] += row[r][k] * b[k];
}

/* The product of a matrix and the numbers of a lone lane, which has no lanes to go along: it goes
   along the rows of the matrix, or its columns, whichever lie side by side. */
static __attribute__((noinline)) void multiply_lone(struct product x)
{
    size_t i = 0;
    if (x.by_column == 1) {
        for (; i + 4 <= x.n; i += 4) along_4(x.a + i * x.by_row, x.by_row, x.b, x.m, x.c + i);
        for (; i < x.n; i++) x.c[i] = along(x.a + i * x.by_row, x.b, x.m);
    } else if (x.by_row == 1) { /* then it is a row times the matrix that lies there */
        multiply((struct product){x.memory, NULL, x.c, x.b, x.a, 0, 0, 1, x.by_column, 1, x.m, x.n});
    } else {
        for (; i < x.n; i++) {
            double sum = 0.0;
            const double *row = x.a + i * x.by_row;
            for (size_t k = 0; k < x.m; k++) sum += row[k * x.by_column] * x.b[k];
            x.c[i] = sum;
        }
    }
    for (i = 0; i < x.n; i++) x.c[i] += x.memory[x.bias[i]];
}

/* a0 b0 + a1 b1 + ... for a few vectors of lanes, whose sums stay in registers. */
#define DOT(type, columns) \
    do { \
        enum { SIZE = sizeof(type) / sizeof(double) }; \
        type sum[columns] = {(type){0}}; \
        for (size_t j = 0; j < 2 * pairs; j += 2) \
            UNROLL for (size_t v = 0; v < columns; v++) \
                sum[v] += *(const type *)(memory + pair_of[j] + q + v * SIZE) \
                        * *(const type *)(memory + pair_of[j + 1] + q + v * SIZE); \
        UNROLL for (size_t v = 0; v < columns; v++) *(type *)(out + q + v * SIZE) = sum[v]; \
        q += columns * SIZE; \
    } while (0)

/* Every result has so many pairs as its part of the table says first. */
static __attribute__((noinline)) void dots(
    const double *memory, double *out, size_t width, size_t count, const place *table)
{
    for (size_t i = 0; i < count; i++, out += width) {
        const size_t pairs = *table++;
        const place *pair_of = table;
        size_t q = 0;
        while (q + 3 * WIDE <= width) DOT(wide, 3);
        while (q + WIDE <= width) DOT(wide, 1);
        while (q + 2 <= width) DOT(pair, 1);
        while (q < width) DOT(lone, 1);
        table += 2 * pairs;
    }
}

/* For each pair of rows the sum over the lanes. A row of b must be read across: b is turned. */
static void outer(double *memory, double *out, const struct block *block, size_t lanes)
{
    const size_t width = block->width, n = block->n, m = block->m;
    const double *b = memory + block->b;
    double *turned = memory + block->spare;
    for (size_t k = 0; k < m; k++)
        for (size_t lane = 0; lane < lanes; lane++) turned[lane * m + k] = b[k * width + lane];
    multiply((struct product){
        memory, NULL, out, memory + block->a, turned, m, width, 1, m, n, lanes, m});
}

/* Multiply these numbers by scale; the sum of their squares. */
static double scaled(double *x, size_t count, double scale)
{
    wide sum[4] = {{0}, {0}, {0}, {0}};
    size_t k = 0;
    for (; k + 4 * WIDE <= count; k += 4 * WIDE)
        UNROLL for (size_t v = 0; v < 4; v++) {
            const wide y = *(const wide *)(x + k + v * WIDE) * scale;
            *(wide *)(x + k + v * WIDE) = y;
            sum[v] += y * y;
        }
    double rest = total((sum[0] + sum[1]) + (sum[2] + sum[3]));
    for (; k < count; k++) {
        x[k] *= scale;
        rest += x[k] * x[k];
    }
    return rest;
}

#ifdef __clang__
#pragma clang fp contract(off)
#else
#pragma GCC pop_options
#endif

/* ------------------------------------------------------------------------------------ gates */

/* The powers that people write: a square is exact but for its rounding, as a root is; below 0, and
   at -0, the root and the power differ. */
INLINE double power(double x, double exponent)
{
    if (exponent == 2.0) return x * x;
    return exponent == 0.5 && x > 0.0 ? sqrt(x) : pow(x, exponent);
}

/* Of which numbers of a gate a trace is left: see LOOPS_1 and its like. */
#define NOTHING(...) 0
#define NOT_FINITE(y, ...) (y - y != 0.0)

#include "loop_gates.h" /* written by loop_source.py when the package is built */

#ifdef WITH_NAMES
const char loop_opcodes[] = OPCODE_NAMES;
#endif

/* ------------------------------------------------------------------------------------- loop */

int LOOP(const struct run *program)
{
    double *restrict memory = program->memory;
    const size_t lanes = program->lanes;
    const struct block *block = program->blocks, *end = block + program->size;
    int64_t failed = 0;
    for (; block < end; block++) {
        const size_t width = block->width, count = block->count, n = block->n, m = block->m;
        const place *table = program->table + block->table;
        double *restrict out = memory + block->start;
        switch (block->opcode) {
        case OP_DOT:
            dots(memory, out, width, count, table);
            break;
        case OP_AFFINE: {
            const struct product x = {
                memory, table, out, memory + block->a, memory + block->b, width,
                block->by_row, block->by_column, width, n, m, width};
            if (width == 1) multiply_lone(x);
            else multiply(x);
            break;
        }
        case OP_LANE_SUM:
            for (size_t i = 0; i < count; i++, table += 2) {
                const double *a = memory + table[0], *b = memory + table[1];
                out[i] = n ? along(a, b, lanes) : *a * *b * (double)lanes;
            }
            break;
        case OP_OUTER:
            if (lanes > 1) {
                outer(memory, out, block, lanes);
                break;
            }
            for (size_t i = 0; i < n; i++, out += m) {
                const double a = memory[block->a + i], *b = memory + block->b;
                IVDEP for (size_t k = 0; k < m; k++) out[k] = a * b[k];
            }
            break;
        case OP_SPREAD:
            for (size_t i = 0; i < count; i++, out += width)
                for (size_t k = 0; k < width; k++) out[k] = memory[table[i]];
            break;
        case OP_COPY:
            for (size_t i = 0; i < count; i++, out += table[1], table += 2)
                IVDEP for (size_t k = 0; k < table[1]; k++) out[k] = memory[table[0] + k];
            break;
        case OP_FINISH: {
            const double squares = scaled(out, count, memory[table[0]]);
            failed |= squares - squares != 0.0;
            break;
        }
        CASES_OF_GATES
        }
    }
    return failed != 0;
}
