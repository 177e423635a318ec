/*-------------------------------------------------------------------------
 *
 * backend.h
 *	  What fuzz targets have in common.
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_CONSENT_FUZZ_BACKEND_H
#define PG_CONSENT_FUZZ_BACKEND_H

/* Run a target in a memory context of its own; an ERROR ends it in good order. */
extern void consent_fuzz_run(void (*run) (const char *data, int len),
							 const char *data, size_t len);

/* So many interrupts, of a kind that ends nothing, come at once when one has come. */
extern int	consent_fuzz_interrupts;

/* What is valid UTF-8 of s, in its place, NUL-terminated; returns its length. */
extern int	consent_fuzz_utf8(char *s, int len);

/* Defines what libFuzzer calls. */
#define FUZZ_TARGET(run) \
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size); \
int \
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) \
{ \
	consent_fuzz_run(run, (const char *) data, size); \
	return 0; \
}

#define MUST(condition) \
	do { if (!(condition)) { \
		fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition); \
		abort(); \
	} } while (0)

#endif							/* PG_CONSENT_FUZZ_BACKEND_H */
