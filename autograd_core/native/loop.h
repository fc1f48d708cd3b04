/* What the loop over a program's blocks is made of, and what the extension takes of it. */
#ifndef AUTOGRAD_CORE_LOOP_H
#define AUTOGRAD_CORE_LOOP_H

#include <math.h>
#include <stddef.h>
#include <stdint.h>

#define INLINE static inline __attribute__((always_inline))

typedef uint32_t place; /* where a number lies in the memory of a run */

/* A block of a schedule: autograd_core/program/run_native.py writes the rows of this table. */
struct block {
    place opcode;
    place width;  /* numbers of a result: the lanes with their spare ones, or 1 */
    place count;  /* how many results; copy: how many runs of numbers, see the table */
    place start;  /* where the first lies */
    place table;  /* where its part of the table begins: the places that it reads; of copies
                     the first of each run, and how many numbers it has */
    place dense;  /* whether each operand lies side by side, as the results do */
    place look;   /* whether to look for a gate that failed, or a nan that was compared */
    place n, m;   /* affine, outer: the shape; lane_sum: whether n lanes are read */
    place a, by_row, by_column; /* affine: the matrix; outer: a is the first row of the left */
    place b;      /* affine, outer: the first row of the numbers */
    place spare;  /* outer: room for the rows of b, turned */
};

/* A program to run: run_native.py fills it in, eight bytes each. */
struct run {
    double *memory;
    const struct block *blocks;
    const place *table;
    size_t size, lanes; /* how many blocks, and lanes */
};

/* The loop: whether the lanes must be looked at. One for each instruction set, see loop.c. */
typedef int loop_function(const struct run *program);
loop_function loop_baseline;
#ifdef __x86_64__
loop_function loop_avx2;
#endif

/* A program and the rule that moves its parameters. */
struct descent {
    struct run program, rule;    /* of one memory */
    size_t width, inputs, first; /* the program's input k lies at first + k width */
    size_t output, outputs;      /* where the numbers lie whose sum is the loss, and how many */
    size_t numbers, many;        /* where those of the rule lie, which each step has its own of */
};

/* What steps read and write, step by step. */
struct steps {
    const double *rows;    /* a table: the inputs of one example after another */
    size_t count;          /* how many rows it has */
    const int64_t *order;  /* which of its rows */
    const double *numbers; /* those of the rule */
    double *losses;        /* the sums of the outputs */
};

/* Steps from half step `begin` to `end`: the even ones evaluate the program, the odd ones move the
   parameters. Stops behind one after which something must be looked at: then it has failed. */
size_t descend(
    const struct descent *x, const struct steps *steps, size_t begin, size_t end,
    loop_function *loop, int *failed);

/* The names of the opcodes, in the order of their numbers, with a space between them. */
extern const char loop_opcodes[];

#endif
