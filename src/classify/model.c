/*-------------------------------------------------------------------------
 *
 * model.c
 *	  Looking sentences up in the shipped model.
 *
 * The file is mapped when a backend first asks, and read only: all backends of
 * the machine share it.  There is nothing but whole numbers in it and in what
 * is done with them, so that every machine gives the same answer.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "miscadmin.h"
#include "port/pg_bswap.h"
#include "storage/fd.h"

#include "classify/features.h"
#include "classify/model.h"

typedef struct Model
{
	const int8 *row;
	uint32		mask;
	int32		bias[CONSENT_NTRAITS];
	int64		scale[CONSENT_NTRAITS];
	int32		root[FEATURE_MAX + 1];	/* 2^16 / sqrt(n + FEATURE_PRIOR) */
} Model;

static Model *model = NULL;

static inline uint32
little_endian(uint32 n)
{
#ifdef WORDS_BIGENDIAN
	return pg_bswap32(n);
#else
	return n;
#endif
}

/* The largest number whose square is not larger; on every machine the same. */
static uint64
integer_root(uint64 n)
{
	uint64		root = 0;

	for (uint64 bit = UINT64CONST(1) << 31; bit; bit >>= 1)
	{
		if ((root + bit) * (root + bit) <= n)
			root += bit;
	}
	return root;
}

static void
unusable(const char *path, const char *why)
{
	ereport(ERROR,
			(errcode(ERRCODE_CONFIG_FILE_ERROR),
			 errmsg("the model of pg_consent cannot be used: %s", why),
			 errdetail("File \"%s\".", path),
			 errhint("Install the extension's files again.")));
}

static void
load(void)
{
	static Model loaded;
	char		share[MAXPGPATH];
	char		path[MAXPGPATH + 64];
	struct stat st;
	const ConsentModelHeader *header;
	void	   *map;
	int			failure;
	int			fd;

	get_share_path(my_exec_path, share);
	snprintf(path, sizeof(path), "%s/extension/pg_consent.model", share);
	fd = OpenTransientFile(path, O_RDONLY | PG_BINARY);
	if (fd < 0)
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not open file \"%s\": %m", path),
				 errhint("Install the extension's files again.")));
	if (fstat(fd, &st) != 0 || st.st_size < sizeof(ConsentModelHeader))
		unusable(path, "it is cut short");
	map = mmap(NULL, st.st_size, PROT_READ, MAP_SHARED, fd, 0);
	failure = errno;
	CloseTransientFile(fd);
	if (map == MAP_FAILED)
	{
		int			code = failure == ENOMEM ? ERRCODE_OUT_OF_MEMORY : ERRCODE_SYSTEM_ERROR;

		errno = failure;
		ereport(ERROR,
				(errcode(code),
				 errmsg("could not map file \"%s\": %m", path)));
	}

	header = map;
	if (memcmp(header->magic, MODEL_MAGIC, sizeof(header->magic)) != 0 ||
		little_endian(header->ntraits) != CONSENT_NTRAITS ||
		little_endian(header->bits) > 24 ||
		st.st_size != sizeof(ConsentModelHeader) + ((off_t) MODEL_ROW << little_endian(header->bits)))
	{
		munmap(map, st.st_size);
		unusable(path, "it is not of this version");
	}
	loaded.row = (const int8 *) (header + 1);
	loaded.mask = ((uint32) 1 << little_endian(header->bits)) - 1;
	for (int i = 0; i < CONSENT_NTRAITS; i++)
	{
		loaded.bias[i] = (int32) little_endian(header->bias[i]);
		loaded.scale[i] = (int32) little_endian(header->scale[i]);
	}
	for (int n = 0; n <= FEATURE_MAX; n++)
		loaded.root[n] = (int32) integer_root((UINT64CONST(1) << 32) / (n + FEATURE_PRIOR));
	model = &loaded;
}

void
consent_model_judge(const char *text, int len, ConsentTraits *traits)
{
	ConsentFeature feature[FEATURE_MAX];
	int			n = consent_features(text, len, feature);
	int32		sum[MODEL_ROW] = {0};

	if (model == NULL)
		load();
#ifdef __GNUC__
	/* the rows are anywhere in the file: ask for all before the first is needed */
	for (int i = 0; i < n; i++)
		__builtin_prefetch(model->row + (size_t) (feature[i].hash & model->mask) * MODEL_ROW);
#endif
	for (int i = 0; i < n; i++)
	{
		const int8 *row = model->row + (size_t) (feature[i].hash & model->mask) * MODEL_ROW;

		for (int t = 0; t < MODEL_ROW; t++)
			sum[t] += row[t];
	}
	for (int t = 0; t < CONSENT_NTRAITS; t++)
	{
		int64		odds = sum[t] * model->scale[t] * model->root[n];

		/* the shift of a negative number is not the same everywhere */
		traits->odds[t] = model->bias[t] +
			(int32) (odds / (INT64CONST(1) << (16 + MODEL_SCALE_BITS)));
	}
}

int
consent_model_speakers(const char *text, int len, ConsentTrait trait,
					   ConsentSpeaker *speaker, int max)
{
	ConsentFeature feature[FEATURE_MAX];
	int			n = consent_features(text, len, feature);
	int			nspeakers = 0;

	if (model == NULL)
		load();
	while (nspeakers < max)
	{
		int			best = -1;
		int8		loudest = 0;

		for (int i = 0; i < n; i++)
		{
			int8		weight = model->row[(size_t) (feature[i].hash & model->mask) * MODEL_ROW + trait];
			bool		heard = false;

			for (int s = 0; s < nspeakers; s++)
				heard |= feature[i].start < speaker[s].end && feature[i].end > speaker[s].start;
			if (!heard && weight > loudest)
			{
				loudest = weight;
				best = i;
			}
		}
		if (best < 0)
			break;
		speaker[nspeakers].start = feature[best].start;
		speaker[nspeakers++].end = feature[best].end;
	}
	return nspeakers;
}
