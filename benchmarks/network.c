/* A perceptron with two hidden layers of ReLUs, written out by hand: the limit of what there is to gain.

   Compiled for fixed widths, -DN0=10 -DN1=40 -DN2=40 -DN3=5, for up to -DROWS=10 examples at a time,
   and for squared errors, or with -DHINGE for the hinge loss. p is W1 b1 W2 b2 W3 b3, weights
   [out][in]; its gradient g, and its momentum v, have the same layout. */

#include <string.h>

#define W1 0
#define B1 (W1 + N1 * N0)
#define W2 (B1 + N1)
#define B2 (W2 + N2 * N1)
#define W3 (B2 + N2)
#define B3 (W3 + N3 * N2)
#define SIZE (B3 + N3)
#define INLINE static inline __attribute__((always_inline))

static double h1[ROWS * N1], h2[ROWS * N2], f[ROWS * N3], d1[ROWS * N1], d2[ROWS * N2], d3[ROWS * N3];
static double xs[ROWS * N0], ys[ROWS * N3], g[SIZE];

/* a = W x + b of every row, and where `relu` its positive part. */
INLINE void forward(const int in, const int out, int relu, int rows,
                    const double *W, const double *b, const double *x, double *a) {
    for (int r = 0; r < rows; r++)
        for (int j = 0; j < out; j++) {
            double sum = 0.0;
#pragma omp simd reduction(+ : sum)
            for (int i = 0; i < in; i++)
                sum += W[j * in + i] * x[r * in + i];
            sum += b[j];
            a[r * out + j] = relu && sum < 0.0 ? 0.0 : sum;
        }
}

/* From d, the slopes of what the layer gives, those of W, of b and, where there is e, of x = relu. */
INLINE void backward(const int in, const int out, int rows, const double *W, const double *x,
                     const double *d, double *restrict gW, double *restrict gb, double *restrict e) {
    for (int j = 0; j < out; j++) {
        double sums[in], sum = 0.0;
        for (int i = 0; i < in; i++)
            sums[i] = 0.0;
        for (int r = 0; r < rows; r++) {
            sum += d[r * out + j];
            for (int i = 0; i < in; i++)
                sums[i] += d[r * out + j] * x[r * in + i];
        }
        gb[j] = sum;
        for (int i = 0; i < in; i++)
            gW[j * in + i] = sums[i];
    }
    if (!e)
        return;
    for (int r = 0; r < rows; r++) {
        double sums[in];
        for (int i = 0; i < in; i++)
            sums[i] = 0.0;
        for (int j = 0; j < out; j++)
            for (int i = 0; i < in; i++)
                sums[i] += d[r * out + j] * W[j * in + i];
        for (int i = 0; i < in; i++)
            e[r * in + i] = x[r * in + i] > 0.0 ? sums[i] : 0.0;
    }
}

/* scale * the sum of the rows' losses + decay * the sum of all squares of p; its gradient into g. */
INLINE double gradient(const double *p, double *g, const double *x, const double *y, int rows,
                       double scale, double decay) {
    forward(N0, N1, 1, rows, p + W1, p + B1, x, h1);
    forward(N1, N2, 1, rows, p + W2, p + B2, h1, h2);
    forward(N2, N3, 0, rows, p + W3, p + B3, h2, f);
    double loss = 0.0, squares = 0.0;
    for (int k = 0; k < rows * N3; k++) {
#ifdef HINGE
        double margin = 1.0 - y[k] * f[k];
        loss += margin > 0.0 ? margin : 0.0;
        d3[k] = margin > 0.0 ? -scale * y[k] : 0.0;
#else
        double difference = f[k] - y[k];
        loss += difference * difference;
        d3[k] = 2.0 * scale * difference;
#endif
    }
    backward(N2, N3, rows, p + W3, h2, d3, g + W3, g + B3, d2);
    backward(N1, N2, rows, p + W2, h1, d2, g + W2, g + B2, d1);
    backward(N0, N1, rows, p + W1, x, d1, g + W1, g + B1, 0);
    if (decay != 0.0)
        for (int k = 0; k < SIZE; k++) {
            squares += p[k] * p[k];
            g[k] += 2.0 * decay * p[k];
        }
    return scale * loss + decay * squares;
}

/* Each example alone, all at the same p: its loss, and in g the gradient of the last one. */
void each(const double *p, double *g, const double *x, const double *y, int count, double *losses) {
    for (int k = 0; k < count; k++)
        losses[k] = gradient(p, g, x + k * N0, y + k * N3, 1, 1.0, 0.0);
}

/* One step of gradient descent with momentum a batch; batch b has the examples order[b * rows ...]. */
void epoch(double *p, double *v, const double *x, const double *y, const int *order, int batches,
           int rows, double scale, double decay, double lr, double momentum, double *losses) {
    for (int b = 0; b < batches; b++) {
        for (int r = 0; r < rows; r++) {
            memcpy(xs + r * N0, x + order[b * rows + r] * N0, sizeof(double) * N0);
            memcpy(ys + r * N3, y + order[b * rows + r] * N3, sizeof(double) * N3);
        }
        losses[b] = gradient(p, g, xs, ys, rows, scale, decay);
        for (int k = 0; k < SIZE; k++) {
            v[k] = momentum * v[k] + g[k];
            p[k] -= lr * v[k];
        }
    }
}
