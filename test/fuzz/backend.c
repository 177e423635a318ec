/*-------------------------------------------------------------------------
 *
 * backend.c
 *	  As much of a PostgreSQL backend as the text, classify and contact rooms
 *	  need to run inside a fuzzer.
 *
 * Memory of a context is a list of malloc'd blocks, so that the address
 * sanitizer sees each of them.  An error jumps back to consent_fuzz_run().
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <setjmp.h>

#include "executor/spi.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "backend.h"
#include "module/compat.h"

typedef struct Block
{
	struct Block *next;
	struct Block *prev;
	struct FuzzContext *cxt;
	Size		size;
} Block;

typedef struct FuzzContext
{
	MemoryContextData base;
	struct FuzzContext *parent;
	struct FuzzContext *child;
	struct FuzzContext *sibling;
	MemoryContextCallback *callbacks;
	Block		blocks;
} FuzzContext;

MemoryContext CurrentMemoryContext = NULL;
MemoryContext TopMemoryContext = NULL;
MemoryContext CacheMemoryContext = NULL;
MemoryContext ErrorContext = NULL;
ErrorContextCallback *error_context_stack = NULL;
sigjmp_buf *PG_exception_stack = NULL;
volatile sig_atomic_t InterruptPending = false;
volatile uint32 InterruptHoldoffCount = 0;
volatile uint32 QueryCancelHoldoffCount = 0;
volatile uint32 CritSectionCount = 0;

/* What a query of a target has found is the target's to say. */
uint64		SPI_processed;
SPITupleTable *SPI_tuptable;

static jmp_buf on_error;

MemoryContext
AllocSetContextCreateInternal(MemoryContext parent, const char *name,
							  Size minContextSize, Size initBlockSize, Size maxBlockSize)
{
	FuzzContext *cxt = calloc(1, sizeof(FuzzContext));
	FuzzContext *up = (FuzzContext *) parent;

	cxt->blocks.next = cxt->blocks.prev = &cxt->blocks;
	cxt->parent = up;
	if (up)
	{
		cxt->sibling = up->child;
		up->child = cxt;
	}
	return (MemoryContext) cxt;
}

void
MemoryContextReset(MemoryContext context)
{
	FuzzContext *cxt = (FuzzContext *) context;

	while (cxt->child)
		MemoryContextDelete((MemoryContext) cxt->child);
	while (cxt->callbacks)
	{
		MemoryContextCallback *cb = cxt->callbacks;

		cxt->callbacks = cb->next;
		cb->func(cb->arg);
	}
	while (cxt->blocks.next != &cxt->blocks)
		pfree(cxt->blocks.next + 1);
}

void
MemoryContextDelete(MemoryContext context)
{
	FuzzContext *cxt = (FuzzContext *) context;

	MemoryContextReset(context);
	if (cxt->parent)
	{
		FuzzContext **at = &cxt->parent->child;

		while (*at != cxt)
			at = &(*at)->sibling;
		*at = cxt->sibling;
	}
	free(cxt);
}

void
MemoryContextRegisterResetCallback(MemoryContext context, MemoryContextCallback *cb)
{
	FuzzContext *cxt = (FuzzContext *) context;

	cb->next = cxt->callbacks;
	cxt->callbacks = cb;
}

void
MemoryContextSetParent(MemoryContext context, MemoryContext new_parent)
{
}

void *
MemoryContextAlloc(MemoryContext context, Size size)
{
	FuzzContext *cxt = (FuzzContext *) context;
	Block	   *b = malloc(sizeof(Block) + size);

	if (b == NULL || size > MaxAllocHugeSize / 4)
		abort();
	b->cxt = cxt;
	b->size = size;
	b->next = cxt->blocks.next;
	b->prev = &cxt->blocks;
	b->next->prev = b;
	cxt->blocks.next = b;
	return b + 1;
}

void *
MemoryContextAllocExtended(MemoryContext context, Size size, int flags)
{
	void	   *p = MemoryContextAlloc(context, size);

	if (flags & MCXT_ALLOC_ZERO)
		memset(p, 0, size);
	return p;
}

void *
palloc(Size size)
{
	return MemoryContextAlloc(CurrentMemoryContext, size);
}

void *
palloc0(Size size)
{
	return MemoryContextAllocExtended(CurrentMemoryContext, size, MCXT_ALLOC_ZERO);
}

void *
palloc_extended(Size size, int flags)
{
	return MemoryContextAllocExtended(CurrentMemoryContext, size, flags);
}

void
pfree(void *pointer)
{
	Block	   *b = (Block *) pointer - 1;

	b->prev->next = b->next;
	b->next->prev = b->prev;
	free(b);
}

void *
repalloc(void *pointer, Size size)
{
	Block	   *b = (Block *) pointer - 1;
	void	   *p = MemoryContextAlloc((MemoryContext) b->cxt, size);

	memcpy(p, pointer, Min(size, b->size));
	pfree(pointer);
	return p;
}

void *
repalloc_huge(void *pointer, Size size)
{
	return repalloc(pointer, size);
}

char *
pnstrdup(const char *in, Size len)
{
	char	   *out = palloc(len + 1);

	len = strnlen(in, len);
	memcpy(out, in, len);
	out[len] = '\0';
	return out;
}

char *
pstrdup(const char *in)
{
	return pnstrdup(in, strlen(in));
}

char *
psprintf(const char *fmt,...)
{
	va_list		args;
	int			n;
	char	   *out;

	va_start(args, fmt);
	n = pg_vsnprintf(NULL, 0, fmt, args);
	va_end(args);
	out = palloc(n + 1);
	va_start(args, fmt);
	(void) pg_vsnprintf(out, n + 1, fmt, args);
	va_end(args);
	return out;
}

/* A string is a block of the size it has been asked for, so that any byte beyond it is seen. */
void
initStringInfo(StringInfo str)
{
	str->maxlen = 16;
	str->data = palloc(str->maxlen);
	resetStringInfo(str);
}

void
resetStringInfo(StringInfo str)
{
	str->data[0] = '\0';
	str->len = 0;
	str->cursor = 0;
}

void
enlargeStringInfo(StringInfo str, int needed)
{
	MUST(needed >= 0 && needed < (int) MaxAllocSize - str->len);
	if (str->len + needed + 1 > str->maxlen)
	{
		str->maxlen = 2 * str->maxlen + needed;
		str->data = repalloc(str->data, str->maxlen);
	}
}

void
appendBinaryStringInfo(StringInfo str, const char *data, int datalen)
{
	enlargeStringInfo(str, datalen);
	memcpy(str->data + str->len, data, datalen);
	str->len += datalen;
	str->data[str->len] = '\0';
}

void
appendStringInfoString(StringInfo str, const char *s)
{
	appendBinaryStringInfo(str, s, strlen(s));
}

void
appendStringInfoChar(StringInfo str, char ch)
{
	appendBinaryStringInfo(str, &ch, 1);
}

void
appendStringInfo(StringInfo str, const char *fmt,...)
{
	char		room[65536];
	va_list		args;
	int			n;

	va_start(args, fmt);
	n = pg_vsnprintf(room, sizeof(room), fmt, args);
	va_end(args);
	MUST(n >= 0 && n < (int) sizeof(room));
	appendBinaryStringInfo(str, room, n);
}

bool
errstart(int elevel, const char *domain)
{
	return elevel >= ERROR;
}

bool
errstart_cold(int elevel, const char *domain)
{
	return errstart(elevel, domain);
}

void
errfinish(const char *filename, int lineno, const char *funcname)
{
	if (PG_exception_stack)
		siglongjmp(*PG_exception_stack, 1);
	longjmp(on_error, 1);
}

#if PG_VERSION_NUM >= 160000
bool
errsave_start(struct Node *context, const char *domain)
{
	if (context == NULL)
		return errstart(ERROR, domain);
	((ErrorSaveContext *) context)->error_occurred = true;
	return false;
}

void
errsave_finish(struct Node *context, const char *filename, int lineno, const char *funcname)
{
	errfinish(filename, lineno, funcname);
}
#endif

void
pg_re_throw(void)
{
	errfinish(NULL, 0, NULL);
	abort();
}

int
errcode(int sqlerrcode)
{
	return 0;
}

int
errmsg(const char *fmt,...)
{
	return 0;
}

int
errmsg_internal(const char *fmt,...)
{
	return 0;
}

int
errdetail(const char *fmt,...)
{
	return 0;
}

int
errhint(const char *fmt,...)
{
	return 0;
}

/* The database is in UTF-8. */
int
GetDatabaseEncoding(void)
{
	return PG_UTF8;
}

char *
pg_any_to_server(const char *s, int len, int encoding)
{
	return (char *) s;
}

char *
pg_server_to_any(const char *s, int len, int encoding)
{
	return (char *) s;
}

text *
cstring_to_text_with_len(const char *s, int len)
{
	text	   *t = palloc(len + VARHDRSZ);

	SET_VARSIZE(t, len + VARHDRSZ);
	memcpy(VARDATA(t), s, len);
	return t;
}

text *
cstring_to_text(const char *s)
{
	return cstring_to_text_with_len(s, strlen(s));
}

char *
text_to_cstring(const text *t)
{
	return pnstrdup(VARDATA_ANY(t), VARSIZE_ANY_EXHDR(t));
}

char *
consent_text_arg(FunctionCallInfo fcinfo, int n)
{
	return PG_ARGISNULL(n) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(n));
}

/* weak: the classifier's target has the library's own */
__attribute__((weak)) int
consent_word_lookup(const char *const *words, int n, const char *word)
{
	for (int i = 0; i < n; i++)
	{
		if (strcmp(words[i], word) == 0)
			return i;
	}
	return -1;
}

struct varlena *
pg_detoast_datum_packed(struct varlena *datum)
{
	return datum;
}

void
ExceptionalCondition(const char *conditionName, const char *errorType,
					 const char *fileName, int lineNumber)
{
	abort();
}

int			consent_fuzz_interrupts = 0;

void
ProcessInterrupts(void)
{
	InterruptPending = consent_fuzz_interrupts-- > 0;
}

int
pg_encoding_mbcliplen(int encoding, const char *mbstr, int len, int limit)
{
	int			n = 0;

	while (n < len && n + pg_utf_mblen((const unsigned char *) mbstr + n) <= limit)
		n += pg_utf_mblen((const unsigned char *) mbstr + n);
	return Min(n, len);
}

int
consent_fuzz_utf8(char *s, int len)
{
	int			out = 0;

	for (int at = 0; at < len;)
	{
		int			n = pg_utf_mblen((unsigned char *) s + at);

		if (s[at] != '\0' && at + n <= len && pg_utf8_islegal((unsigned char *) s + at, n))
		{
			memmove(s + out, s + at, n);
			out += n;
			at += n;
		}
		else
			at++;
	}
	s[out] = '\0';
	return out;
}

void
consent_fuzz_run(void (*run) (const char *data, int len), const char *data, size_t len)
{
	if (TopMemoryContext == NULL)
	{
		TopMemoryContext = AllocSetContextCreateInternal(NULL, "top", 0, 0, 0);
		CacheMemoryContext = TopMemoryContext;
	}
	CurrentMemoryContext = AllocSetContextCreateInternal(TopMemoryContext, "run", 0, 0, 0);
	if (setjmp(on_error) == 0)
		run(data, (int) len);
	error_context_stack = NULL;
	PG_exception_stack = NULL;
	while (((FuzzContext *) TopMemoryContext)->child)
		MemoryContextDelete((MemoryContext) ((FuzzContext *) TopMemoryContext)->child);
	CurrentMemoryContext = TopMemoryContext;
}

int
SPI_connect(void)
{
	return SPI_OK_CONNECT;
}

int
SPI_finish(void)
{
	return SPI_OK_FINISH;
}
