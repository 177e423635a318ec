/*-------------------------------------------------------------------------
 *
 * blas.c
 *	  The four functions of BLAS that LIBLINEAR calls, as plain loops.
 *
 * Debian lets every machine choose its BLAS, and each adds up in an order of its
 * own.  A program's own functions come before a library's, so with these the model
 * is the same wherever it is learned.
 *
 *-------------------------------------------------------------------------
 */
#include <math.h>

double		ddot_(int *n, double *x, int *xstep, double *y, int *ystep);
int			daxpy_(int *n, double *a, double *x, int *xstep, double *y, int *ystep);
int			dscal_(int *n, double *a, double *x, int *xstep);
double		dnrm2_(int *n, double *x, int *xstep);

double
ddot_(int *n, double *x, int *xstep, double *y, int *ystep)
{
	double		sum = 0;

	for (int i = 0; i < *n; i++)
		sum += x[i * *xstep] * y[i * *ystep];
	return sum;
}

int
daxpy_(int *n, double *a, double *x, int *xstep, double *y, int *ystep)
{
	for (int i = 0; i < *n; i++)
		y[i * *ystep] += *a * x[i * *xstep];
	return 0;
}

int
dscal_(int *n, double *a, double *x, int *xstep)
{
	for (int i = 0; i < *n; i++)
		x[i * *xstep] *= *a;
	return 0;
}

double
dnrm2_(int *n, double *x, int *xstep)
{
	return sqrt(ddot_(n, x, xstep, x, xstep));
}
