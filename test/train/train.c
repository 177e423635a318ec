/*-------------------------------------------------------------------------
 *
 * train.c
 *	  Makes the model that src/classify/model.c looks things up in.
 *
 *	train MODEL < SENTENCES
 *	train - < SENTENCES
 *	train --empty MODEL
 *
 * SENTENCES comes from test/train/sentences.sql.  With "-" no model is written,
 * but told how well the folds are judged by what was learned from the others.
 * An empty model says nothing: the extension, which finds the sentences, needs
 * one that it can read, and cannot read the last one when the form has changed.
 *
 * For each trait LIBLINEAR fits a logistic regression, that trait against all
 * the rest.  What these fits say of sentences that they did not see (a fold
 * is left out at a time) is what the axes of the message are learned from:
 * of sentences it has seen a fit is too sure.
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

#define BUCKETS			60000
#define ROWS			(BUCKETS * MODEL_BUCKET)
#define FEWEST			2		/* messages that a feature was in, to have a row */
#define PENALTY			10.0	/* LIBLINEAR's C for sentences: more fits closer */
#define AXIS_PENALTY	0.03		/* and for messages */
#define MOST_FOLDS		100

/* How loud places, the rest of the message and the next sentences are. */
#define PLACE_VALUE		0.3
#define REST_VALUE		0.7
#define NEAR_VALUE		0.5

/* Columns: a sentence's own features, places, the rest's, the neighbours'. */
#define PLACES_FROM		(ROWS + 1)
#define REST_FROM		(PLACES_FROM + FEATURE_PLACES)
#define NEAR_FROM		(REST_FROM + ROWS)
#define COLUMNS			(NEAR_FROM + ROWS)	/* the bias is the last */

/* Which letters speak for a trait; see test/corpus/README.md. */
static const char *const trait_labels[CONSENT_NTRAITS] = {
	[TRAIT_PROMOTION] = "PL",
	[TRAIT_CONSENT_REQUEST] = "A",
	[TRAIT_SERVICE] = "S",
	[TRAIT_RESEARCH] = "R",
	[TRAIT_LEAD_CAPTURE] = "L",
};

typedef struct Sentence
{
	char		letter;
	int			message;
	bool		in_subject;
	int			n;
	int			words;
	ConsentFeature *feature;
} Sentence;

typedef struct Message
{
	int			fold;
	char		label[24];
	char		letters[8];		/* each that occurs, once */
	double		rules[CONSENT_NAXES];	/* what they weigh */
	int			first;			/* of its sentences */
	int			n;
} Message;

static Sentence *sentences;
static int	nsentences;
static Message *messages;
static int	nmessages;
static int	nfolds;
static unsigned owners[ROWS];	/* the hash that a row is for */
static bool owned[ROWS];
static struct feature_node **rows;
static double (*unseen)[CONSENT_NTRAITS];	/* the odds by fits that saw other
											 * messages */
static int32_t (*overviews)[OVERVIEW_NUMBERS];	/* of the messages, by these */
static ConsentModelHeader header = {.magic = MODEL_MAGIC,.buckets = BUCKETS,.size = sizeof(header)};
static signed char table[ROWS][MODEL_ROW];

static void
die(const char *why)
{
	fprintf(stderr, "train: %s\n", why);
	exit(1);
}

static void *
more(void *array, int n, size_t size)
{
	/* room for a power of two */
	if ((n & (n - 1)) == 0)
		array = realloc(array, (n ? 2 * (size_t) n : 1) * size);
	if (array == NULL)
		die("out of memory");
	return array;
}

static void
read_sentence(char *line, int len)
{
	ConsentFeature feature[FEATURE_MAX];
	Sentence   *s;
	Message    *m = &messages[nmessages - 1];

	if (nmessages == 0 || len < 5 || line[1] != '\t' || line[3] != '\t')
		die("a line is not LETTER, PART, SENTENCE");
	sentences = more(sentences, nsentences, sizeof(Sentence));
	s = &sentences[nsentences++];
	s->letter = line[0];
	s->message = nmessages - 1;
	s->in_subject = line[2] == 's';
	s->words = 0;
	s->n = consent_features(line + 4, len - 4, feature);
	s->feature = malloc((s->n + 1) * sizeof(ConsentFeature));
	if (s->feature == NULL)
		die("out of memory");
	memcpy(s->feature, feature, s->n * sizeof(ConsentFeature));
	if (strchr(m->letters, s->letter) == NULL)
		m->letters[strlen(m->letters)] = s->letter;
	m->n++;
}

static void
read_input(void)
{
	char	   *line = NULL;
	size_t		size = 0;
	ssize_t		len;

	while ((len = getline(&line, &size, stdin)) > 0)
	{
		if (line[len - 1] == '\n')
			line[--len] = '\0';
		if (line[0] == '=')
		{
			Message    *m;

			messages = more(messages, nmessages, sizeof(Message));
			m = &messages[nmessages++];
			memset(m, 0, sizeof(Message));
			m->first = nsentences;
			if (sscanf(line, "=\t%d\t%23s\t%lf\t%lf\t%lf\t%lf\t%lf", &m->fold, m->label,
					   &m->rules[AXIS_PROMOTES], &m->rules[AXIS_ASKS], &m->rules[AXIS_SURVEYS],
					   &m->rules[AXIS_GATHERS], &m->rules[AXIS_SERVES]) != 2 + CONSENT_NAXES ||
				m->fold < 0 || m->fold >= MOST_FOLDS)
				die("a message does not begin with =, FOLD, LABEL and five weights");
			if (m->fold >= nfolds)
				nfolds = m->fold + 1;
		}
		else
			read_sentence(line, (int) len);
	}
	free(line);
	if (nsentences == 0)
		die("no sentences");
}

typedef struct Occurrence
{
	unsigned	hash;
	int			n;				/* of a message, then how many have it */
} Occurrence;

static int
by_hash(const void *a, const void *b)
{
	const Occurrence *x = a;
	const Occurrence *y = b;

	if (x->hash != y->hash)
		return x->hash < y->hash ? -1 : 1;
	return (x->n > y->n) - (x->n < y->n);
}

static int
by_number(const void *a, const void *b)
{
	const Occurrence *x = a;
	const Occurrence *y = b;

	return x->n != y->n ? y->n - x->n : by_hash(a, b);
}

/* The row of a hash; -1 if it has none. */
static int
find_row(unsigned hash)
{
	int			first = model_bucket(hash, BUCKETS) * MODEL_BUCKET;

	for (int i = first; i < first + MODEL_BUCKET; i++)
	{
		if (owned[i] && owners[i] == hash)
			return i;
	}
	return -1;
}

/* Gives it a row, if the bucket has room and nobody there looks the same. */
static bool
give_row(unsigned hash)
{
	int			first = model_bucket(hash, BUCKETS) * MODEL_BUCKET;

	for (int i = first; i < first + MODEL_BUCKET; i++)
	{
		if (!owned[i])
		{
			owned[i] = true;
			owners[i] = hash;
			return true;
		}
		if (model_owner(owners[i]) == model_owner(hash))
			break;
	}
	return false;
}

/*
 * Gives rows to what more than one message has, the most frequent first, and
 * forgets all other features.  Those of a fold that is left out count, too: a
 * row tells nothing of labels.
 */
static void
give_rows(void)
{
	Occurrence *all;
	int			n = 0;
	int			distinct = 0;
	int			without = 0;

	for (int i = 0; i < nsentences; i++)
		n += sentences[i].n;
	all = malloc(n * sizeof(Occurrence));
	if (all == NULL)
		die("out of memory");
	n = 0;
	for (int i = 0; i < nsentences; i++)
	{
		for (int f = 0; f < sentences[i].n; f++)
			all[n++] = (Occurrence) {sentences[i].feature[f].hash, sentences[i].message};
	}
	qsort(all, n, sizeof(Occurrence), by_hash);
	for (int from = 0, to; from < n; from = to)
	{
		int			found = 0;

		for (to = from; to < n && all[to].hash == all[from].hash; to++)
			found += to == from || all[to].n != all[to - 1].n;
		if (found >= FEWEST)
			all[distinct++] = (Occurrence) {all[from].hash, found};
	}
	qsort(all, distinct, sizeof(Occurrence), by_number);
	for (int i = 0; i < distinct; i++)
		without += !give_row(all[i].hash);
	free(all);
	fprintf(stderr, "train: %d features, %d more found no row\n", distinct - without, without);

	for (int i = 0; i < nsentences; i++)
	{
		Sentence   *s = &sentences[i];
		int			kept = 0;

		for (int f = 0; f < s->n; f++)
		{
			if (find_row(s->feature[f].hash) < 0)
				continue;
			s->words += s->feature[f].word;
			s->feature[kept++] = s->feature[f];
		}
		s->n = kept;
	}
}

static int
compare_nodes(const void *a, const void *b)
{
	return ((const struct feature_node *) a)->index - ((const struct feature_node *) b)->index;
}

static int
put_features(const Sentence *s, int from, double value, bool words_only,
			 struct feature_node *row, int n)
{
	for (int i = 0; i < s->n; i++)
	{
		if (words_only && !s->feature[i].word)
			continue;
		row[n].index = find_row(s->feature[i].hash) + from;
		row[n++].value = value;
	}
	return n;
}

/* A sentence as LIBLINEAR takes it: sorted, every feature once, then the bias. */
static struct feature_node *
row_of(int which)
{
	const Sentence *s = &sentences[which];
	const Message *m = &messages[s->message];
	int			words = 0;
	int			place[FEATURE_PLACE_MAX];
	int			nplaces = consent_places(s->in_subject, which - m->first, m->n, s->words, place);
	struct feature_node *row;
	int			n = 0;
	int			last = 0;

	for (int i = m->first; i < m->first + m->n; i++)
		words += sentences[i].words;
	row = malloc((FEATURE_MAX + 3 * words + FEATURE_PLACE_MAX + 2) * sizeof(struct feature_node));
	if (row == NULL)
		die("out of memory");

	n = put_features(s, 1, 1 / sqrt(s->n + FEATURE_PRIOR), false, row, n);
	for (int k = 0; k < nplaces; k++)
	{
		row[n].index = PLACES_FROM + place[k];
		row[n++].value = PLACE_VALUE;
	}
	for (int i = m->first; i < m->first + m->n; i++)
	{
		const Sentence *other = &sentences[i];

		if (i != which)
			n = put_features(other, REST_FROM,
							 REST_VALUE / sqrt(words - s->words + CONTEXT_PRIOR), true, row, n);
		if (i == which - 1 || i == which + 1)
			n = put_features(other, NEAR_FROM,
							 NEAR_VALUE / sqrt(other->words + CONTEXT_PRIOR), true, row, n);
	}
	qsort(row, n, sizeof(struct feature_node), compare_nodes);
	for (int i = 1; i < n; i++)
	{
		if (row[i].index == row[last].index)
			row[last].value += row[i].value;
		else
			row[++last] = row[i];
	}
	last++;
	row[last].index = COLUMNS;
	row[last].value = 1;
	row[last + 1].index = -1;
	return row;
}

static void
quiet(const char *message)
{
	(void) message;
}

/* Fits a trait to all messages but those of the fold (-1: to all). */
static struct model *
fit_trait(int trait, int fold)
{
	struct parameter how = {.solver_type = L2R_LR_DUAL,.eps = 0.01,.C = PENALTY,.p = 0.1};
	struct problem what = {.n = COLUMNS,.bias = 1};
	struct model *fitted;

	what.x = malloc(nsentences * sizeof(struct feature_node *));
	what.y = malloc(nsentences * sizeof(double));
	if (what.x == NULL || what.y == NULL)
		die("out of memory");
	for (int i = 0; i < nsentences; i++)
	{
		if (messages[sentences[i].message].fold == fold)
			continue;
		what.x[what.l] = rows[i];
		what.y[what.l++] = strchr(trait_labels[trait], sentences[i].letter) ? 1 : -1;
	}
	srand(1);					/* the solver goes through them in random order */
	fitted = train(&what, &how);
	free(what.x);
	free(what.y);
	return fitted;
}

static double
weight_of(const struct model *fitted, int column)
{
	return (fitted->label[0] == 1 ? 1 : -1) * fitted->w[column - 1];
}

static double
odds_of(const struct model *fitted, const struct feature_node *row)
{
	double		sum = 0;

	for (; row->index != -1; row++)
		sum += row->value * weight_of(fitted, row->index);
	return sum;
}

static void
judge_unseen(void)
{
	unseen = calloc(nsentences, sizeof(*unseen));
	if (unseen == NULL)
		die("out of memory");
	for (int fold = 0; fold < nfolds; fold++)
	{
		for (int t = 0; t < CONSENT_NTRAITS; t++)
		{
			struct model *fitted = fit_trait(t, fold);

			for (int i = 0; i < nsentences; i++)
			{
				if (messages[sentences[i].message].fold == fold)
					unseen[i][t] = odds_of(fitted, rows[i]);
			}
			free_and_destroy_model(&fitted);
		}
	}
}

/*
 * The message as the extension sees it, but judged by fits that did not see it,
 * and as a whole, however long it is.
 */
static void
overview_of(const Message *m, int32_t *number)
{
	ConsentPassage *passage = calloc(m->n + 1, sizeof(ConsentPassage));
	int32_t		rules[CONSENT_NAXES];

	if (passage == NULL)
		die("out of memory");
	for (int i = 0; i < m->n; i++)
	{
		const Sentence *s = &sentences[m->first + i];

		passage[i].in_subject = s->in_subject;
		passage[i].words = s->words;
		for (int t = 0; t < CONSENT_NTRAITS; t++)
			passage[i].odds[t] = (int32_t) lround(1000 * unseen[m->first + i][t]);
	}
	for (int a = 0; a < CONSENT_NAXES; a++)
		rules[a] = (int32_t) lround(1000 * m->rules[a]);
	consent_overview(passage, m->n, rules, number);
	free(passage);
}

static void
look_over(void)
{
	int64_t		sum[OVERVIEW_NUMBERS] = {0};

	overviews = malloc(nmessages * sizeof(*overviews));
	if (overviews == NULL)
		die("out of memory");
	for (int i = 0; i < nmessages; i++)
	{
		overview_of(&messages[i], overviews[i]);
		for (int k = 0; k < OVERVIEW_NUMBERS; k++)
			sum[k] += overviews[i][k];
	}
	for (int k = 0; k < OVERVIEW_NUMBERS; k++)
		header.usual[k] = (int32_t) (sum[k] / nmessages);
}

/* Does the axis hold for the message: 1, -1, or 0 if it is not asked. */
static int
holds(ConsentAxis axis, const Message *m)
{
	bool		promotes = strchr(m->letters, 'P') != NULL;
	bool		gathers = strcmp(m->label, "sugging") == 0;
	bool		surveys = gathers || strcmp(m->label, "research") == 0;

	switch (axis)
	{
		case AXIS_PROMOTES:
			return promotes ? 1 : -1;
		case AXIS_ASKS:
			return strchr(m->letters, 'A') ? 1 : -1;
		case AXIS_SURVEYS:
			return surveys ? 1 : -1;
		case AXIS_GATHERS:
			return !surveys ? 0 : gathers ? 1 : -1;
		case AXIS_SERVES:
			return !promotes || surveys ? 0 : strcmp(m->label, "mixed") == 0 ? 1 : -1;
	}
	return 0;
}

static int
features_of(ConsentAxis axis)
{
	return overview_pairs(axis) ? OVERVIEW_FEATURES : OVERVIEW_NUMBERS;
}

/* See judge_part() of src/classify/model.c. */
static void
message_features(int message, double *feature)
{
	for (int i = 0; i < OVERVIEW_NUMBERS; i++)
		feature[i] = overviews[message][i] - header.usual[i];
	for (int i = 0; i < OVERVIEW_NUMBERS; i++)
	{
		for (int k = 0; k <= i; k++)
			feature[overview_pair(i, k)] = feature[i] * feature[k] / 1000;
	}
}

/*
 * Fits an axis to all messages but those of the fold (-1: to all).  The weights
 * are for features as they are, the bias is last.
 */
static void
fit_axis(ConsentAxis axis, int fold, double *weight)
{
	struct parameter how = {.solver_type = L2R_LR,.eps = 0.001,.C = AXIS_PENALTY,.p = 0.1};
	int			features = features_of(axis);
	struct problem what = {.n = features + 1,.bias = 1};
	double		mean[OVERVIEW_FEATURES] = {0};
	double		spread[OVERVIEW_FEATURES] = {0};
	double		(*values)[OVERVIEW_FEATURES] = malloc(nmessages * sizeof(*values));
	struct feature_node (*node)[OVERVIEW_FEATURES + 2] = malloc(nmessages * sizeof(*node));
	struct model *fitted;

	what.x = malloc(nmessages * sizeof(*what.x));
	what.y = malloc(nmessages * sizeof(double));
	if (values == NULL || node == NULL || what.x == NULL || what.y == NULL)
		die("out of memory");
	for (int i = 0; i < nmessages; i++)
	{
		int			y = holds(axis, &messages[i]);

		if (y == 0 || messages[i].fold == fold)
			continue;
		message_features(i, values[what.l]);
		what.y[what.l++] = y;
	}
	for (int f = 0; f < features; f++)
	{
		for (int i = 0; i < what.l; i++)
			mean[f] += values[i][f] / what.l;
		for (int i = 0; i < what.l; i++)
			spread[f] += pow(values[i][f] - mean[f], 2) / what.l;
		spread[f] = sqrt(spread[f]) + 1e-9;
	}
	for (int i = 0; i < what.l; i++)
	{
		what.x[i] = node[i];
		for (int f = 0; f < features; f++)
			node[i][f] = (struct feature_node) {f + 1, (values[i][f] - mean[f]) / spread[f]};
		node[i][features] = (struct feature_node) {features + 1, 1};
		node[i][features + 1].index = -1;
	}
	fitted = train(&what, &how);
	weight[OVERVIEW_FEATURES] = weight_of(fitted, features + 1);
	for (int f = 0; f < features; f++)
	{
		weight[f] = weight_of(fitted, f + 1) / spread[f];
		weight[OVERVIEW_FEATURES] -= weight[f] * mean[f];
	}
	free_and_destroy_model(&fitted);
	free(values);
	free(node);
	free(what.x);
	free(what.y);
}

typedef enum Label
{
	LABEL_SERVICE,
	LABEL_RESEARCH,
	LABEL_MARKETING,			/* and all behind it */
	LABEL_MIXED,
	LABEL_CONSENT_REQUEST,
	LABEL_SUGGING
} Label;

#define NLABELS (LABEL_SUGGING + 1)

static const char *const labels[NLABELS] = {
	[LABEL_SERVICE] = "service",
	[LABEL_RESEARCH] = "research",
	[LABEL_MARKETING] = "marketing",
	[LABEL_MIXED] = "mixed",
	[LABEL_CONSENT_REQUEST] = "consent_request",
	[LABEL_SUGGING] = "sugging",
};

/* See decide() of src/classify/decide.c. */
static Label
decide(const double *axis)
{
	bool		promotes = axis[AXIS_PROMOTES] >= 0;
	bool		asks = axis[AXIS_ASKS] >= 0;

	if (axis[AXIS_SURVEYS] >= 0)
		return axis[AXIS_GATHERS] >= 0 || promotes || asks ? LABEL_SUGGING : LABEL_RESEARCH;
	if (promotes)
		return axis[AXIS_SERVES] >= 0 ? LABEL_MIXED : LABEL_MARKETING;
	return asks ? LABEL_CONSENT_REQUEST : LABEL_SERVICE;
}

static void
tell(const char *what, int given[NLABELS][NLABELS])
{
	double		all = 0;
	double		found = 0;
	double		marketing = 0;
	double		alarms = 0;
	double		f1 = 0;
	int			classes = 0;

	for (int l = 0; l < NLABELS; l++)
	{
		int			labelled = 0;
		int			said = 0;

		for (int g = 0; g < NLABELS; g++)
		{
			labelled += given[l][g];
			said += given[g][l];
			if (g >= LABEL_MARKETING)
				*(l >= LABEL_MARKETING ? &found : &alarms) += given[l][g];
		}
		all += labelled;
		if (l >= LABEL_MARKETING)
			marketing += labelled;
		if (labelled > 0)
		{
			f1 += 2.0 * given[l][l] / (labelled + said);
			classes++;
		}
	}
	printf("%-10s %6.0f messages   recall %5.1f %%   false alarms %5.1f %%   macro-F1 %.3f\n", what, all,
		   100 * found / fmax(marketing, 1), 100 * alarms / fmax(all - marketing, 1), f1 / (classes ? classes : 1));
}

/* How well each fold is judged by what was learned from the others. */
static void
cross_validate(void)
{
	static int	total[NLABELS][NLABELS];

	for (int fold = 0; fold < nfolds; fold++)
	{
		double		weight[CONSENT_NAXES][OVERVIEW_FEATURES + 1];
		int			given[NLABELS][NLABELS] = {0};
		char		name[16];

		for (int a = 0; a < CONSENT_NAXES; a++)
			fit_axis(a, fold, weight[a]);
		for (int i = 0; i < nmessages; i++)
		{
			double		feature[OVERVIEW_FEATURES];
			double		axis[CONSENT_NAXES];
			int			label = 0;

			if (messages[i].fold != fold)
				continue;
			message_features(i, feature);
			for (int a = 0; a < CONSENT_NAXES; a++)
			{
				axis[a] = weight[a][OVERVIEW_FEATURES];
				for (int f = 0; f < features_of(a); f++)
					axis[a] += weight[a][f] * feature[f];
			}
			while (label < NLABELS && strcmp(labels[label], messages[i].label) != 0)
				label++;
			if (label == NLABELS)
				die("a label is unknown");
			given[label][decide(axis)]++;
			total[label][decide(axis)]++;
		}
		snprintf(name, sizeof(name), "fold %d", fold);
		tell(name, given);
	}
	tell("all", total);
	for (int l = 0; l < NLABELS; l++)
	{
		printf("%-16s", labels[l]);
		for (int g = 0; g < NLABELS; g++)
			printf("%8d", total[l][g]);
		printf("\n");
	}
}

static void
little_endian(int32_t *number)
{
	unsigned char to[4];

	for (int i = 0; i < 4; i++)
		to[i] = (unsigned char) ((uint32_t) *number >> (8 * i));
	memcpy(number, to, 4);
}

static void
learn(void)
{
	static const int from[CONSENT_NREACHES] = {1, REST_FROM, NEAR_FROM};
	static const double value[CONSENT_NREACHES] = {1, REST_VALUE, NEAR_VALUE};

	for (int t = 0; t < CONSENT_NTRAITS; t++)
	{
		struct model *fitted = fit_trait(t, -1);

		header.bias[t] = (int32_t) lround(1000 * weight_of(fitted, COLUMNS));
		for (int k = 0; k < FEATURE_PLACES; k++)
			header.place[k][t] = (int32_t) lround(1000 * PLACE_VALUE * weight_of(fitted, PLACES_FROM + k));
		for (int r = 0; r < CONSENT_NREACHES; r++)
		{
			double		largest = 0;

			for (int i = 0; i < ROWS; i++)
				largest = fmax(largest, fabs(weight_of(fitted, from[r] + i)));
			for (int i = 0; i < ROWS && largest > 0; i++)
				table[i][MODEL_LANE(r, t)] = (signed char) lround(weight_of(fitted, from[r] + i) / (largest / 127));
			header.scale[r][t] = (int32_t) lround(1000 * largest / 127 * value[r] * (1 << MODEL_SCALE_BITS));
		}
		free_and_destroy_model(&fitted);
	}
	for (int a = 0; a < CONSENT_NAXES; a++)
	{
		double		weight[OVERVIEW_FEATURES + 1];

		fit_axis(a, -1, weight);
		for (int f = 0; f < features_of(a); f++)
			header.axis[a][f] = (int32_t) lround(1e9 * weight[f]);
		header.axis[a][OVERVIEW_FEATURES] = (int32_t) lround(1000 * weight[OVERVIEW_FEATURES]);
	}
	for (int i = 0; i < ROWS; i++)
		table[i][MODEL_OWNER] = owned[i] ? (signed char) model_owner(owners[i]) : 0;
}

static void
write_model(const char *path)
{
	static const char padding[MODEL_ROWS_AT - sizeof(ConsentModelHeader)];
	FILE	   *out;

	for (size_t i = sizeof(header.magic) / 4; i < sizeof(header) / 4; i++)
		little_endian((int32_t *) &header + i);
	out = fopen(path, "wb");
	if (out == NULL || fwrite(&header, sizeof(header), 1, out) != 1 ||
		fwrite(padding, sizeof(padding), 1, out) != 1 ||
		fwrite(table, sizeof(table), 1, out) != 1 || fclose(out) != 0)
		die("cannot write the model");
	fprintf(stderr, "train: %d messages, %d sentences\n", nmessages, nsentences);
}

int
main(int argc, char **argv)
{
	if (argc == 3 && strcmp(argv[1], "--empty") == 0)
	{
		write_model(argv[2]);
		return 0;
	}
	if (argc != 2)
		die("usage: train MODEL|- < SENTENCES, or train --empty MODEL");
	read_input();
	give_rows();
	rows = malloc(nsentences * sizeof(*rows));
	if (rows == NULL)
		die("out of memory");
	for (int i = 0; i < nsentences; i++)
		rows[i] = row_of(i);
	set_print_string_function(quiet);
	judge_unseen();
	look_over();
	if (strcmp(argv[1], "-") == 0)
	{
		cross_validate();
		return 0;
	}
	learn();
	write_model(argv[1]);
	return 0;
}
