/*-------------------------------------------------------------------------
 *
 * train.c
 *	  Makes the model that src/classify/model.c looks things up in.
 *
 *	train MODEL < SENTENCES
 *
 * A line of SENTENCES is a letter that says what the sentence is, a tab, and
 * the sentence.  For each trait LIBLINEAR fits a logistic regression, that
 * trait against all the rest; its weights are rounded to a signed byte.
 *
 *-------------------------------------------------------------------------
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <linear.h>

#include "classify/features.h"
#include "classify/model.h"

#define BITS		16
#define PENALTY		10.0		/* LIBLINEAR's C: more fits closer */

/* Which letters speak for a trait; see test/corpus/README.md. */
static const char *const trait_labels[CONSENT_NTRAITS] = {
	[TRAIT_PROMOTION] = "PL",
	[TRAIT_CONSENT_REQUEST] = "A",
	[TRAIT_SERVICE] = "S",
	[TRAIT_RESEARCH] = "R",
	[TRAIT_LEAD_CAPTURE] = "L",
};

static struct feature_node **rows;
static char *labels;
static int	nrows;

static void
die(const char *why)
{
	fprintf(stderr, "train: %s\n", why);
	exit(1);
}

static int
compare_nodes(const void *a, const void *b)
{
	return ((const struct feature_node *) a)->index - ((const struct feature_node *) b)->index;
}

/* A sentence as LIBLINEAR takes it: sorted, every feature once, then the bias. */
static struct feature_node *
row_of(const char *text, int len)
{
	ConsentFeature feature[FEATURE_MAX];
	int			n = consent_features(text, len, feature);
	struct feature_node *row = malloc((n + 2) * sizeof(struct feature_node));
	int			last = 0;

	if (row == NULL)
		die("out of memory");
	for (int i = 0; i < n; i++)
	{
		row[i].index = (feature[i].hash & ((1u << BITS) - 1)) + 1;
		row[i].value = 1 / sqrt(n + FEATURE_PRIOR);
	}
	qsort(row, n, sizeof(struct feature_node), compare_nodes);
	for (int i = 1; i < n; i++)
	{
		if (row[i].index == row[last].index)
			row[last].value += row[i].value;
		else
			row[++last] = row[i];
	}
	last = n > 0 ? last + 1 : 0;
	row[last].index = (1 << BITS) + 1;
	row[last].value = 1;
	row[last + 1].index = -1;
	return row;
}

static void
read_sentences(void)
{
	char	   *line = NULL;
	size_t		size = 0;
	ssize_t		len;
	int			capacity = 0;

	while ((len = getline(&line, &size, stdin)) > 0)
	{
		if (line[len - 1] == '\n')
			len--;
		if (len < 3 || line[1] != '\t')
			die("a line is not LETTER, tab, sentence");
		if (nrows == capacity)
		{
			capacity = capacity ? 2 * capacity : 4096;
			rows = realloc(rows, capacity * sizeof(*rows));
			labels = realloc(labels, capacity);
			if (rows == NULL || labels == NULL)
				die("out of memory");
		}
		labels[nrows] = line[0];
		rows[nrows++] = row_of(line + 2, (int) len - 2);
	}
	free(line);
}

static void
quiet(const char *message)
{
}

static void
put_int(unsigned char *to, long value)
{
	for (int i = 0; i < 4; i++)
		to[i] = (unsigned char) ((unsigned long) value >> (8 * i));
}

int
main(int argc, char **argv)
{
	static signed char table[1 << BITS][MODEL_ROW];
	unsigned char header[sizeof(ConsentModelHeader)] = MODEL_MAGIC;
	struct parameter how = {.solver_type = L2R_LR,.eps = 0.001,.C = PENALTY,.p = 0.1};
	struct problem what = {.n = (1 << BITS) + 1,.bias = 1};
	FILE	   *out;

	if (argc != 2)
		die("usage: train MODEL < SENTENCES");
	read_sentences();
	what.l = nrows;
	what.x = rows;
	what.y = malloc(nrows * sizeof(double));
	if (nrows == 0 || what.y == NULL)
		die("no sentences");
	set_print_string_function(quiet);

	put_int(header + 8, BITS);
	put_int(header + 12, CONSENT_NTRAITS);
	for (int t = 0; t < CONSENT_NTRAITS; t++)
	{
		struct model *fitted;
		double		sign;
		double		largest = 0;
		double		step;

		for (int i = 0; i < nrows; i++)
			what.y[i] = strchr(trait_labels[t], labels[i]) ? 1 : -1;
		fitted = train(&what, &how);
		sign = fitted->label[0] == 1 ? 1 : -1;
		for (int i = 0; i < 1 << BITS; i++)
			largest = fmax(largest, fabs(fitted->w[i]));
		step = largest / 127;
		for (int i = 0; i < 1 << BITS; i++)
			table[i][t] = (signed char) lround(sign * fitted->w[i] / step);
		put_int(header + 16 + 4 * t, lround(1000 * sign * fitted->w[1 << BITS]));
		put_int(header + 16 + 4 * (MODEL_ROW + t), lround(1000 * step * (1 << MODEL_SCALE_BITS)));
		free_and_destroy_model(&fitted);
	}

	out = fopen(argv[1], "wb");
	if (out == NULL || fwrite(header, sizeof(header), 1, out) != 1 ||
		fwrite(table, sizeof(table), 1, out) != 1 || fclose(out) != 0)
		die("cannot write the model");
	fprintf(stderr, "train: %d sentences\n", nrows);
	return 0;
}
