/* Steps of descent, one after another: rows of a table, the program on them, the optimiser's rule.

   The rule is blocks as well, in the memory of the program, whose lanes are the parameters. */

#include "loop.h"

/* The rows that a step reads, turned: a row of the memory for each column of the table. Spare lanes
   hold copies of the first. */
static void read_rows(const struct descent *x, const double *rows, const int64_t *order)
{
    for (size_t lane = 0; lane < x->width; lane++) {
        const double *row = rows + (size_t)order[lane < x->program.lanes ? lane : 0] * x->inputs;
        double *out = x->program.memory + x->first + lane;
        for (size_t k = 0; k < x->inputs; k++) out[k * x->width] = row[k];
    }
}

/* The program at its rows, and the loss. Whether something must be looked at. */
static int evaluate(
    const struct descent *x, const struct steps *steps, size_t step, loop_function *loop)
{
    read_rows(x, steps->rows, steps->order + step * x->program.lanes);
    const int failed = loop(&x->program);
    double loss = 0.0;
    for (size_t i = 0; i < x->outputs; i++) loss += x->program.memory[x->output + i];
    steps->losses[step] = loss;
    return failed || loss - loss != 0.0;
}

/* The rule, with the numbers that it has in this step, on all parameters. Whether one of these, or
   its square, is not finite. */
static int move(
    const struct descent *x, const struct steps *steps, size_t step, loop_function *loop)
{
    double *numbers = x->rule.memory + x->numbers;
    for (size_t i = 0; i < x->many; i++) numbers[i] = steps->numbers[step * x->many + i];
    return loop(&x->rule);
}

size_t descend(
    const struct descent *x, const struct steps *steps, size_t begin, size_t end,
    loop_function *loop, int *failed)
{
    *failed = 0;
    while (begin < end && !*failed) {
        *failed = begin % 2 ? move(x, steps, begin / 2, loop) : evaluate(x, steps, begin / 2, loop);
        begin++;
    }
    return begin;
}
