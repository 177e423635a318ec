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
 * The traits are learned together, each a logistic regression of that trait
 * against all the rest, one message after the other, several times over.  Each
 * weight moves by a step that shrinks the more it has been moved (AdaGrad), which
 * does better by rare words than LIBLINEAR, and takes less time.  There are
 * no sums in it but in the order written here, and no function of the C library
 * that might be rounded differently elsewhere.
 *
 * In a text message its words count once more, by weights of their own, which are learned
 * from texts when all others have been: those do not change by them, not even as rounded.
 *
 * What such fits say of sentences that they did not see (a fold is left out at
 * a time) is what the axes of the message are learned from, by LIBLINEAR: of
 * sentences it has seen a fit is too sure.  A long message is several examples, in
 * the parts that it is judged in; some short ones are learned once more, put together
 * (see together.sql).  LIBLINEAR calls exp() and log(), which a C library other than
 * glibc may round differently.
 *
 *-------------------------------------------------------------------------
 */
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linear.h>

#include "classify/features.h"
#include "classify/model.h"

/* Buckets; with the header, the file is not to be larger than 4 MB. */
#define WORDS			9000
#define OTHERS			52000
#define WORD_ROWS		(WORDS * MODEL_WORDS)
#define ROWS			(WORD_ROWS + OTHERS * MODEL_OTHERS)
#define FEWEST			2		/* messages that a feature was in, to have a row */
#define AXIS_PENALTY	0.03	/* LIBLINEAR's C: more fits closer */
#define MOST_FOLDS		100

/*
 * How sentences are gone through, in each of some fits from the beginning, in an order of
 * its own; the weights of all fits' last passes are averaged.
 */
#define FITS			5
#define PASSES			10
#define AVERAGED		4
#define STEP			0.5f	/* of the first pass */
#define LAST_STEP		0.1f	/* the part of it that is left in the end */
#define MOVED			0.001f	/* by how much each weight begins */
#define DECAY			1e-5f

/* How often what an organisation texts is gone through in a pass, for one that is for_texts_alone(). */
#define TEXT_TIMES		3

/* As how many the sentence counts that decides what its message is. */
#define DECISIVE		5.0f

/* How loud places, the rest of the message and the next sentences are. */
#define PLACE_VALUE		0.3f
#define REST_VALUE		0.3f
#define NEAR_VALUE		0.3f

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
	int		   *row;			/* of each feature that has one, words first */
	int			ntexts;
	int		   *text_row;		/* in a text, those of its words that are for texts */
} Sentence;

typedef struct Message
{
	int			fold;
	int			times;			/* how often it counts when the axes are learned; 0: for_texts_alone() */
	bool		text;			/* a text message */
	char		label[24];
	double		rules[CONSENT_NAXES];	/* what they weigh */
	int			first;			/* of its sentences */
	int			n;
	int			part;			/* the first of its parts */
	int			nparts;
} Message;

/* Of a message; all of it, unless that is long. */
typedef struct Part
{
	const Message *message;
	int			first;			/* of its sentences */
	int			n;
	int32_t		number[OVERVIEW_NUMBERS];	/* what these were judged to be */
} Part;

/* What is learned of sentences, and how much each of it has been moved. */
typedef struct Weights
{
	float		row[ROWS][MODEL_LANES];
	float		place[FEATURE_PLACES][CONSENT_NTRAITS];
	float		bias[CONSENT_NTRAITS];
} Weights;

static Sentence *sentences;
static int	nsentences;
static Message *messages;
static int	nmessages;
static int	nwritten;			/* of them, which come first; others are put together of these */
static Part *parts;
static int	nparts;
static int	nfolds;
static unsigned owners[ROWS];	/* the hash that a row is for */
static bool owned[ROWS];
static bool of_texts[ROWS];		/* how large these are does not decide how finely all are rounded */
static Weights learned;
static Weights moved;			/* squares of the slopes, added up */
static Weights average;
static Weights *fitted;			/* to all messages, by each fit */
typedef float Odds[CONSENT_NTRAITS];
static Odds *judged[FITS];		/* the odds by each fit that saw other messages */
static Odds *unseen;			/* the mean of these */
static double (*axes)[CONSENT_NAXES][OVERVIEW_FEATURES + 1];	/* by what was learned without each fold */
static ConsentModelHeader header = {.magic = MODEL_MAGIC,.words = WORDS,.others = OTHERS,.size = sizeof(header)};
static ConsentModelWords words_table[WORDS];
static ConsentModelOthers others_table[OTHERS];

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

static void *
room(size_t n, size_t size)
{
	void	   *array = calloc(n + 1, size);

	if (array == NULL)
		die("out of memory");
	return array;
}

/* The same, seen by all processes. */
static void *
shared_room(size_t n, size_t size)
{
	void	   *array = mmap(NULL, n * size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (array == MAP_FAILED)
		die("out of memory");
	return array;
}

static void
wait_for_one(void)
{
	int			status;

	if (wait(&status) < 0 || status != 0)
		die("a process failed");
}

/*
 * Does n jobs, each in a process of its own, as many at a time as there are processors.
 * What they find they leave in shared room, each in its own place.
 */
static void
do_all(int n, void (*job) (int))
{
	long		processors = sysconf(_SC_NPROCESSORS_ONLN);

	for (int i = 0; i < n; i++)
	{
		pid_t		pid;

		if (i >= processors)
			wait_for_one();
		pid = fork();
		if (pid < 0)
			die("no more processes");
		if (pid == 0)
		{
			job(i);
			_exit(0);
		}
	}
	for (int i = 0; i < n && i < processors; i++)
		wait_for_one();
}

/*
 * A word has a row that counts in every message, and another one that counts in text
 * messages.  Of some texts only the latter learn: mail must not be judged by how people talk.
 */
static bool
for_texts_alone(const Message *m)
{
	return m->times == 0;
}

static void
read_sentence(char *line, int len)
{
	ConsentFeature feature[FEATURE_MAX];
	Sentence   *s;

	if (nmessages == 0 || len < 5 || line[1] != '\t' || line[3] != '\t')
		die("a line is not LETTER, PART, SENTENCE");
	sentences = more(sentences, nsentences, sizeof(Sentence));
	s = &sentences[nsentences++];
	s->letter = line[0];
	s->message = nmessages - 1;
	s->in_subject = line[2] == 's';
	s->words = 0;
	s->ntexts = 0;
	s->text_row = NULL;
	s->n = consent_features(line + 4, len - 4, feature);
	s->feature = room(s->n, sizeof(ConsentFeature));
	memcpy(s->feature, feature, s->n * sizeof(ConsentFeature));
	messages[nmessages - 1].n++;
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
			int			put_together;
			int			text;

			messages = more(messages, nmessages, sizeof(Message));
			m = &messages[nmessages++];
			memset(m, 0, sizeof(Message));
			m->first = nsentences;
			if (sscanf(line, "=\t%d\t%d\t%d\t%d\t%23s\t%lf\t%lf\t%lf\t%lf\t%lf", &m->fold, &m->times, &put_together, &text, m->label,
					   &m->rules[AXIS_PROMOTES], &m->rules[AXIS_ASKS], &m->rules[AXIS_SURVEYS],
					   &m->rules[AXIS_GATHERS], &m->rules[AXIS_SERVES]) != 5 + CONSENT_NAXES ||
				m->fold < 0 || m->fold >= MOST_FOLDS)
				die("a message does not begin with =, FOLD, TIMES, 1 if put together, 1 if a text, LABEL and five weights");
			m->text = text != 0;
			if (!put_together && nwritten < nmessages - 1)
				die("messages that are put together come last");
			nwritten += !put_together;
			if (m->fold >= nfolds)
				nfolds = m->fold + 1;
		}
		else
			read_sentence(line, (int) len);
	}
	free(line);
	if (nsentences == 0)
		die("no sentences");
	fprintf(stderr, "train: %d messages, %d of them put together, %d sentences\n", nmessages, nmessages - nwritten, nsentences);
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

/* The first of the rows that a feature may have. */
static int
first_row(unsigned hash, bool word)
{
	if (word)
		return model_bucket(hash, WORDS) * MODEL_WORDS;
	return WORD_ROWS + model_bucket(hash, OTHERS) * MODEL_OTHERS;
}

static int
bucket_rows(bool word)
{
	return word ? MODEL_WORDS : MODEL_OTHERS;
}

/* The row of a hash; -1 if it has none. */
static int
find_row(unsigned hash, bool word)
{
	int			first = first_row(hash, word);

	for (int i = first; i < first + bucket_rows(word); i++)
	{
		if (owned[i] && owners[i] == hash)
			return i;
	}
	return -1;
}

/* Gives it a row, if the bucket has room and nobody there looks the same. */
static bool
give_row(unsigned hash, bool word, bool in_texts)
{
	int			first = first_row(hash, word);

	for (int i = first; i < first + bucket_rows(word); i++)
	{
		if (!owned[i])
		{
			owned[i] = true;
			owners[i] = hash;
			of_texts[i] = in_texts;
			return true;
		}
		if (model_owner(owners[i], word) == model_owner(hash, word))
			break;
	}
	return false;
}

/*
 * Gives rows to the words, or to the others, that more than one message has, the
 * most frequent first.  Those of a fold that is left out count, too: a row tells
 * nothing of labels.  What is put together has nothing of its own.
 */
static void
give_rows(bool word, bool in_texts)
{
	Occurrence *all;
	int			written = nwritten < nmessages ? messages[nwritten].first : nsentences;
	int			n = 0;
	int			distinct = 0;
	int			without = 0;

	for (int i = 0; i < written; i++)
		n += sentences[i].n;
	all = room(n, sizeof(Occurrence));
	n = 0;
	for (int i = 0; i < written; i++)
	{
		const Message *m = &messages[sentences[i].message];

		if (in_texts ? !m->text : for_texts_alone(m))
			continue;
		for (int f = 0; f < sentences[i].n; f++)
		{
			const ConsentFeature *feature = &sentences[i].feature[f];

			if (feature->word == word)
				all[n++] = (Occurrence) {in_texts ? model_in_texts(feature->hash) : feature->hash, sentences[i].message};
		}
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
		without += !give_row(all[i].hash, word, in_texts);
	free(all);
	fprintf(stderr, "train: %d %s, %d more found no row\n", distinct - without,
			in_texts ? "words of texts" : word ? "words" : "other features", without);
}

/* Forgets all features but those that have rows. */
static void
find_rows(void)
{
	for (int i = 0; i < nsentences; i++)
	{
		Sentence   *s = &sentences[i];
		int			kept = 0;

		s->row = room(s->n, sizeof(int));
		for (int word = 1; word >= 0; word--)
		{
			for (int f = 0; f < s->n; f++)
			{
				int			row = s->feature[f].word == word ? find_row(s->feature[f].hash, word) : -1;

				if (row >= 0)
					s->row[kept++] = row;
			}
			if (word)
				s->words = kept;
		}
		if (messages[s->message].text)
		{
			s->text_row = room(s->n, sizeof(int));
			for (int f = 0; f < s->n; f++)
			{
				int			row = s->feature[f].word ? find_row(model_in_texts(s->feature[f].hash), true) : -1;

				if (row >= 0)
					s->text_row[s->ntexts++] = row;
			}
		}
		s->n = kept;
		free(s->feature);
		s->feature = NULL;
	}
}

/* The same numbers on every machine (xorshift). */
static unsigned
next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return (unsigned) (*state >> 11);
}

/* What sums over n features are multiplied by. */
static float
own_value(const Sentence *s)
{
	return 1 / sqrtf(s->n + FEATURE_PRIOR);
}

static float
near_value(const Sentence *s)
{
	return NEAR_VALUE / sqrtf(s->words + CONTEXT_PRIOR);
}

/* Of more words than "most" only the mean counts. */
static float
rest_value(const Sentence *s, int words, int most)
{
	int			n = words - s->words + CONTEXT_PRIOR;

	return n > most ? REST_VALUE * sqrtf(most) / n : REST_VALUE / sqrtf(n);
}

static int
places_of(const Message *m, int at, int *place)
{
	const Sentence *s = &sentences[m->first + at];

	return consent_places(s->in_subject, at, m->n, s->words, place);
}

static int
words_of(const Message *m)
{
	int			words = 0;

	for (int i = 0; i < m->n; i++)
		words += sentences[m->first + i].words;
	return words;
}

/*
 * The odds of the message's sentences, by the fit; see judge_sentences() and, for
 * "most", mean_root() of src/classify/model.c.
 */
static void
judge(const Weights *by, const Message *m, bool in_texts, int most, float (*odds)[CONSENT_NTRAITS])
{
	float		(*sum)[MODEL_LANES] = room(m->n, sizeof(*sum));
	float		all[MODEL_LANES] = {0};
	int			words = words_of(m);

	for (int i = 0; i < m->n; i++)
	{
		const Sentence *s = &sentences[m->first + i];

		for (int f = 0; f < s->n; f++)
		{
			const float *row = by->row[s->row[f]];

			for (int l = 0; l < (f < s->words ? MODEL_LANES : CONSENT_NTRAITS); l++)
				sum[i][l] += row[l];
		}
		for (int f = 0; f < s->ntexts && in_texts; f++)
		{
			for (int l = 0; l < MODEL_LANES; l++)
				sum[i][l] += by->row[s->text_row[f]][l];
		}
		for (int l = CONSENT_NTRAITS; l < MODEL_LANES; l++)
			all[l] += sum[i][l];
	}
	for (int i = 0; i < m->n; i++)
	{
		const Sentence *s = &sentences[m->first + i];
		int			place[FEATURE_PLACE_MAX];
		int			nplaces = places_of(m, i, place);
		float		own = own_value(s);
		float		rest = rest_value(s, words, most);

		for (int t = 0; t < CONSENT_NTRAITS; t++)
		{
			int			far = MODEL_LANE(REACH_REST, t);
			int			near = MODEL_LANE(REACH_NEAR, t);

			odds[i][t] = by->bias[t] + own * sum[i][t] + rest * (all[far] - sum[i][far]);
			for (int k = 0; k < nplaces; k++)
				odds[i][t] += PLACE_VALUE * by->place[place[k]][t];
			if (i > 0)
				odds[i][t] += near_value(s - 1) * sum[i - 1][near];
			if (i + 1 < m->n)
				odds[i][t] += near_value(s + 1) * sum[i + 1][near];
		}
	}
	free(sum);
}

/* 1 / (1 + e^-odds), within a millionth: exact operations only. */
static float
logistic(float odds)
{
	float		binary = -1.44269504f * fminf(fmaxf(odds, -30), 30);
	float		whole = floorf(binary);
	float		x = (binary - whole) * 0.69314718f;
	float		power = 1 + x * (1 + x / 2 * (1 + x / 3 * (1 + x / 4 * (1 + x / 5 * (1 + x / 6)))));

	return 1 / (1 + ldexpf(power, (int) whole));
}

/* Moves n weights against their slopes. */
static inline void
move(float *weight, float *squares, const float *slope, int n, float step)
{
	for (int i = 0; i < n; i++)
	{
		squares[i] += slope[i] * slope[i];
		weight[i] -= step * slope[i] / sqrtf(squares[i]) + DECAY * weight[i];
	}
}

static bool
speaks_for(const Sentence *s, int trait)
{
	return strchr(trait_labels[trait], s->letter) != NULL;
}

/*
 * The sentence that tells whether the message has the trait: of those that speak
 * for it, or if none does of all, the one that is nearest to being taken for it.
 */
static int
decisive(const Message *m, int trait, float (*wrong)[CONSENT_NTRAITS])
{
	int			top = 0;

	for (int i = 1; i < m->n; i++)
	{
		bool		speaks = speaks_for(&sentences[m->first + i], trait);
		bool		top_speaks = speaks_for(&sentences[m->first + top], trait);

		if (speaks != top_speaks ? speaks : wrong[i][trait] > wrong[top][trait])
			top = i;
	}
	return top;
}

static void
learn_message(const Message *m, bool in_texts, float step)
{
	float		(*wrong)[CONSENT_NTRAITS] = room(m->n, sizeof(*wrong));
	float		all[CONSENT_NTRAITS] = {0};
	int			words = words_of(m);

	judge(&learned, m, in_texts, INT_MAX, wrong);
	for (int i = 0; i < m->n; i++)
	{
		const Sentence *s = &sentences[m->first + i];

		for (int t = 0; t < CONSENT_NTRAITS; t++)
			wrong[i][t] = logistic(wrong[i][t]) - speaks_for(s, t);
	}
	for (int t = 0; t < CONSENT_NTRAITS && m->n > 0; t++)
	{
		if (t == TRAIT_PROMOTION || t == TRAIT_CONSENT_REQUEST)
			wrong[decisive(m, t, wrong)][t] *= DECISIVE;
		for (int i = 0; i < m->n; i++)
			all[t] += rest_value(&sentences[m->first + i], words, INT_MAX) * wrong[i][t];
	}
	for (int i = 0; i < m->n; i++)
	{
		const Sentence *s = &sentences[m->first + i];
		float		slope[MODEL_LANES] = {0};
		float		place_slope[CONSENT_NTRAITS];
		int			place[FEATURE_PLACE_MAX];
		int			nplaces = places_of(m, i, place);

		for (int t = 0; t < CONSENT_NTRAITS; t++)
		{
			slope[MODEL_LANE(REACH_OWN, t)] = own_value(s) * wrong[i][t];
			slope[MODEL_LANE(REACH_REST, t)] = all[t] - rest_value(s, words, INT_MAX) * wrong[i][t];
			slope[MODEL_LANE(REACH_NEAR, t)] = near_value(s) * ((i > 0 ? wrong[i - 1][t] : 0) +
																(i + 1 < m->n ? wrong[i + 1][t] : 0));
			place_slope[t] = PLACE_VALUE * wrong[i][t];
		}
		if (in_texts)
		{
			for (int f = 0; f < s->ntexts; f++)
				move(learned.row[s->text_row[f]], moved.row[s->text_row[f]], slope, MODEL_LANES, step);
			continue;
		}
		for (int f = 0; f < s->words; f++)
			move(learned.row[s->row[f]], moved.row[s->row[f]], slope, MODEL_LANES, step);
		/* the first lanes are the sentence's own; more of them are moved at a time than there are */
		for (int t = CONSENT_NTRAITS; t < 8; t++)
			slope[t] = 0;
		for (int f = s->words; f < s->n; f++)
			move(learned.row[s->row[f]], moved.row[s->row[f]], slope, 8, step);
		for (int k = 0; k < nplaces; k++)
			move(learned.place[place[k]], moved.place[place[k]], place_slope, CONSENT_NTRAITS, step);
		move(learned.bias, moved.bias, wrong[i], CONSENT_NTRAITS, step);
	}
	free(wrong);
}

/* Learns from n messages in an order that it makes. */
static void
go_through(int *order, int n, bool in_texts, float step, uint64_t *state)
{
	for (int i = n - 1; i > 0; i--)
	{
		int			other = next_random(state) % (i + 1);
		int			kept = order[i];

		order[i] = order[other];
		order[other] = kept;
	}
	for (int i = 0; i < n; i++)
		learn_message(&messages[order[i]], in_texts, step);
}

/*
 * Learns the traits from all messages but those of the fold (-1: from all), into "average".
 * What texts alone teach changes nothing of what mail is judged by.
 */
static void
fit_traits(int fold, int fit)
{
	const int	nweights = sizeof(Weights) / sizeof(float);
	int		   *order = room(nmessages, sizeof(int));
	int		   *texts = room(TEXT_TIMES * nmessages, sizeof(int));
	uint64_t	state = (fit + 1) * UINT64_C(0x9e3779b97f4a7c15) + 1;
	uint64_t	text_state = state + 1;
	int			n = 0;
	int			ntexts = 0;

	/* the first numbers of near states are alike */
	for (int i = 0; i < 10; i++)
	{
		(void) next_random(&state);
		(void) next_random(&text_state);
	}
	memset(&average, 0, sizeof(Weights));
	memset(&learned, 0, sizeof(Weights));
	for (int i = 0; i < nweights; i++)
		((float *) &moved)[i] = MOVED;
	for (int i = 0; i < nmessages; i++)
	{
		if (messages[i].fold == fold)
			continue;
		if (!for_texts_alone(&messages[i]))
			order[n++] = i;
		for (int k = 0; messages[i].text && k < (for_texts_alone(&messages[i]) ? 1 : TEXT_TIMES); k++)
			texts[ntexts++] = i;
	}
	for (int pass = 0; pass < PASSES; pass++)
	{
		float		step = STEP * (1 - (1 - LAST_STEP) * pass / PASSES);

		go_through(order, n, false, step, &state);
		go_through(texts, ntexts, true, step, &text_state);
		for (int i = 0; i < nweights && pass >= PASSES - AVERAGED; i++)
			((float *) &average)[i] += ((float *) &learned)[i] / AVERAGED;
	}
	free(order);
	free(texts);
}

/* One of the fits to all but one fold, and what it says of that. */
static void
fit_without(int job)
{
	int			fold = job / FITS;
	int			fit = job % FITS;

	fit_traits(fold, fit);
	for (int i = 0; i < nmessages; i++)
	{
		if (messages[i].fold == fold)
			judge(&average, &messages[i], false, CONTEXT_MOST, &judged[fit][messages[i].first]);
	}
}

/* The same, or, behind these, one of the fits to all. */
static void
fit_any(int job)
{
	if (job < nfolds * FITS)
		fit_without(job);
	else
	{
		int			fit = job - nfolds * FITS;

		fit_traits(-1, fit);
		fitted[fit] = average;
	}
}

static void
quiet(const char *message)
{
	(void) message;
}

static double
weight_of(const struct model *model, int column)
{
	return (model->label[0] == 1 ? 1 : -1) * model->w[column - 1];
}

/* All fits, those to all messages only if a model is to be written. */
static void
fit_all(bool model)
{
	const int	nweights = sizeof(Weights) / sizeof(float);

	fitted = shared_room(FITS, sizeof(Weights));
	unseen = room(nsentences, sizeof(Odds));
	for (int fit = 0; fit < FITS; fit++)
		judged[fit] = shared_room(nsentences, sizeof(Odds));
	do_all((nfolds + model) * FITS, fit_any);
	memset(&average, 0, sizeof(Weights));
	for (int fit = 0; fit < FITS; fit++)
	{
		for (int i = 0; i < nsentences; i++)
		{
			for (int t = 0; t < CONSENT_NTRAITS; t++)
				unseen[i][t] += judged[fit][i][t] / FITS;
		}
		for (int i = 0; i < nweights; i++)
			((float *) &average)[i] += ((float *) &fitted[fit])[i] / FITS;
	}
}

/* The part as the extension sees it, but judged by fits that did not see its message. */
static void
overview_of(Part *part)
{
	ConsentPassage *passage = room(part->n, sizeof(ConsentPassage));
	int32_t		rules[CONSENT_NAXES];

	for (int i = 0; i < part->n; i++)
	{
		const Sentence *s = &sentences[part->first + i];

		passage[i].in_subject = s->in_subject;
		passage[i].words = s->words;
		for (int t = 0; t < CONSENT_NTRAITS; t++)
			passage[i].odds[t] = (int32_t) lround(1000 * unseen[part->first + i][t]);
	}
	for (int a = 0; a < CONSENT_NAXES; a++)
		rules[a] = (int32_t) lround(1000 * part->message->rules[a]);
	consent_overview(passage, part->n, rules, part->number);
	free(passage);
}

static void
look_over(void)
{
	int64_t		sum[OVERVIEW_NUMBERS] = {0};
	int			n = 0;

	for (int i = 0; i < nmessages; i++)
	{
		Message    *m = &messages[i];

		m->part = nparts;
		m->nparts = overview_parts(m->n);
		for (int k = 0; k < m->nparts; k++)
		{
			int			from = overview_part_start(m->n, m->nparts, k);
			Part	   *part;

			parts = more(parts, nparts, sizeof(Part));
			part = &parts[nparts++];
			part->message = m;
			part->first = m->first + from;
			part->n = overview_part_start(m->n, m->nparts, k + 1) - from;
			overview_of(part);
			for (int j = 0; j < OVERVIEW_NUMBERS && !for_texts_alone(m); j++)
				sum[j] += part->number[j];
			n += !for_texts_alone(m);
		}
	}
	for (int j = 0; j < OVERVIEW_NUMBERS; j++)
		header.usual[j] = (int32_t) (sum[j] / n);
}

static bool
has_letter(const Part *part, char letter)
{
	for (int i = part->first; i < part->first + part->n; i++)
	{
		if (sentences[i].letter == letter)
			return true;
	}
	return false;
}

/* Does the axis hold for the part: 1, -1, or 0 if it is not asked. */
static int
holds(ConsentAxis axis, const Part *part)
{
	const char *label = part->message->label;
	bool		promotes = has_letter(part, 'P');
	bool		gathers = strcmp(label, "sugging") == 0;
	bool		surveys = gathers || strcmp(label, "research") == 0;

	switch (axis)
	{
		case AXIS_PROMOTES:
			return promotes ? 1 : -1;
		case AXIS_ASKS:
			return has_letter(part, 'A') ? 1 : -1;
		case AXIS_SURVEYS:
			return surveys ? 1 : -1;
		case AXIS_GATHERS:
			return !surveys ? 0 : gathers ? 1 : -1;
		case AXIS_SERVES:
			return !promotes || surveys ? 0 : strcmp(label, "mixed") == 0 ? 1 : -1;
	}
	return 0;
}

static int
features_of(ConsentAxis axis)
{
	return overview_pairs(axis) ? OVERVIEW_FEATURES : OVERVIEW_NUMBERS;
}

/* See judge_axis() of src/classify/model.c. */
static void
part_features(const Part *part, double *feature)
{
	for (int i = 0; i < OVERVIEW_NUMBERS; i++)
		feature[i] = part->number[i] - header.usual[i];
	for (int i = 0; i < OVERVIEW_NUMBERS; i++)
	{
		for (int k = 0; k <= i; k++)
			feature[overview_pair(i, k)] = feature[i] * feature[k] / 1000;
	}
}

/*
 * Fits an axis to all messages' parts but those of the fold (-1: to all).  The weights
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
	double		(*values)[OVERVIEW_FEATURES] = room(nparts, sizeof(*values));
	struct feature_node (*node)[OVERVIEW_FEATURES + 2] = room(nparts, sizeof(*node));
	struct model *model;
	int			n = 0;
	int			times = 0;

	for (int i = 0; i < nparts; i++)
		times += parts[i].message->times;
	what.x = room(times, sizeof(*what.x));
	what.y = room(times, sizeof(double));
	for (int i = 0; i < nparts; i++)
	{
		const Message *m = parts[i].message;
		int			y = holds(axis, &parts[i]);

		if (y == 0 || m->fold == fold || for_texts_alone(m))
			continue;
		part_features(&parts[i], values[n]);
		for (int k = 0; k < m->times; k++)
		{
			what.x[what.l] = node[n];
			what.y[what.l++] = y;
		}
		n++;
	}
	for (int f = 0; f < features; f++)
	{
		for (int i = 0; i < n; i++)
			mean[f] += values[i][f] / n;
		for (int i = 0; i < n; i++)
			spread[f] += pow(values[i][f] - mean[f], 2) / n;
		spread[f] = sqrt(spread[f]) + 1e-9;
	}
	for (int i = 0; i < n; i++)
	{
		for (int f = 0; f < features; f++)
			node[i][f] = (struct feature_node) {f + 1, (values[i][f] - mean[f]) / spread[f]};
		node[i][features] = (struct feature_node) {features + 1, 1};
		node[i][features + 1].index = -1;
	}
	model = train(&what, &how);
	weight[OVERVIEW_FEATURES] = weight_of(model, features + 1);
	for (int f = 0; f < features; f++)
	{
		weight[f] = weight_of(model, f + 1) / spread[f];
		weight[OVERVIEW_FEATURES] -= weight[f] * mean[f];
	}
	free_and_destroy_model(&model);
	free(values);
	free(node);
	free(what.x);
	free(what.y);
}

static void
fit_axis_to_all(int job)
{
	fit_axis(job, -1, axes[0][job]);
}

static void
fit_axis_without(int job)
{
	fit_axis(job % CONSENT_NAXES, job / CONSENT_NAXES, axes[job / CONSENT_NAXES][job % CONSENT_NAXES]);
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

/* Of the part that says most of it. */
static double
axis_odds(ConsentAxis axis, const double *weight, const Message *m)
{
	double		most = -INFINITY;

	for (int i = m->part; i < m->part + m->nparts; i++)
	{
		double		feature[OVERVIEW_FEATURES];
		double		odds = weight[OVERVIEW_FEATURES];

		part_features(&parts[i], feature);
		for (int f = 0; f < features_of(axis); f++)
			odds += weight[f] * feature[f];
		most = fmax(most, odds);
	}
	return most;
}

/* How well each fold is judged by what was learned from the others. */
static void
cross_validate(void)
{
	static int	total[NLABELS][NLABELS];

	axes = shared_room(nfolds, sizeof(*axes));
	do_all(nfolds * CONSENT_NAXES, fit_axis_without);
	for (int fold = 0; fold < nfolds; fold++)
	{
		int			given[NLABELS][NLABELS] = {0};
		char		name[16];

		for (int i = 0; i < nwritten; i++)
		{
			const Message *m = &messages[i];
			double		axis[CONSENT_NAXES];
			int			label = 0;

			if (m->fold != fold || for_texts_alone(m))
				continue;
			for (int a = 0; a < CONSENT_NAXES; a++)
				axis[a] = axis_odds(a, axes[fold][a], m);
			while (label < NLABELS && strcmp(labels[label], m->label) != 0)
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

/* Where a lane of a row goes; what has no such lane has learned nothing for it. */
static int8_t *
lane_of(int row, int lane)
{
	static int8_t none;
	int			other = row - WORD_ROWS;

	if (other < 0)
		return &words_table[row / MODEL_WORDS].row[row % MODEL_WORDS][lane];
	return lane < CONSENT_NTRAITS ? &others_table[other / MODEL_OTHERS].row[other % MODEL_OTHERS][lane] : &none;
}

static uint16_t
little_endian_16(uint16_t number)
{
	unsigned char to[2] = {(unsigned char) number, (unsigned char) (number >> 8)};

	memcpy(&number, to, 2);
	return number;
}

static void
learn(void)
{
	static const double value[CONSENT_NREACHES] = {1, REST_VALUE, NEAR_VALUE};

	for (int t = 0; t < CONSENT_NTRAITS; t++)
	{
		header.bias[t] = (int32_t) lround(1000 * average.bias[t]);
		for (int k = 0; k < FEATURE_PLACES; k++)
			header.place[k][t] = (int32_t) lround(1000 * PLACE_VALUE * average.place[k][t]);
		for (int r = 0; r < CONSENT_NREACHES; r++)
		{
			int			lane = MODEL_LANE(r, t);
			double		largest = 0;

			for (int i = 0; i < ROWS; i++)
			{
				if (!of_texts[i])
					largest = fmax(largest, fabs(average.row[i][lane]));
			}
			for (int i = 0; i < ROWS && largest > 0; i++)
			{
				double		rounded = round(average.row[i][lane] / (largest / 127));

				*lane_of(i, lane) = (int8_t) fmax(-127, fmin(rounded, 127));
			}
			header.scale[r][t] = (int32_t) lround(1000 * largest / 127 * value[r] * (1 << MODEL_SCALE_BITS));
		}
	}
	axes = shared_room(1, sizeof(*axes));
	do_all(CONSENT_NAXES, fit_axis_to_all);
	for (int a = 0; a < CONSENT_NAXES; a++)
	{
		const double *weight = axes[0][a];

		for (int f = 0; f < features_of(a); f++)
			header.axis[a][f] = (int32_t) lround(1e9 * weight[f]);
		header.axis[a][OVERVIEW_FEATURES] = (int32_t) lround(1000 * weight[OVERVIEW_FEATURES]);
	}
	for (int i = 0; i < ROWS; i++)
	{
		int			other = i - WORD_ROWS;

		if (owned[i] && other < 0)
			*lane_of(i, MODEL_OWNER) = (int8_t) model_owner(owners[i], true);
		else if (owned[i])
			others_table[other / MODEL_OTHERS].owner[other % MODEL_OTHERS] = little_endian_16(model_owner(owners[i], false));
	}
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
		fwrite(words_table, sizeof(words_table), 1, out) != 1 ||
		fwrite(others_table, sizeof(others_table), 1, out) != 1 || fclose(out) != 0)
		die("cannot write the model");
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
	give_rows(true, false);
	give_rows(true, true);
	give_rows(false, false);
	find_rows();
	set_print_string_function(quiet);
	fit_all(strcmp(argv[1], "-") != 0);
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
