/*-------------------------------------------------------------------------
 *
 * language.c
 *	  Whether a message is in a language that the model has learned.
 *
 * The model has learned English.  English can hardly be written without its
 * small words; neither can its neighbours without theirs.  Where theirs are
 * in the majority, or letters are not Latin, the text is as good as unread.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "classify/language.h"

#define ENOUGH			3		/* English words more than others: read no further */
#define FEW				3		/* fewer words are no text */
#define LONGEST_WORD	8

/* None is longer than LONGEST_WORD, and none is in both lists. */
static const char *const english[] = {
	"a", "about", "after", "all", "an", "and", "any", "are", "as", "at", "be",
	"been", "before", "but", "by", "call", "can", "cant", "do", "dont", "for",
	"free", "from", "get", "go", "had", "has", "have", "he", "hello", "here",
	"hey", "his", "how", "i", "if", "ill", "im", "in", "is", "it", "its",
	"just", "k", "lol", "me", "more", "my", "need", "new", "no", "not", "now",
	"of", "off", "ok", "on", "one", "or", "our", "out", "over", "please",
	"pls", "r", "ready", "reply", "see", "she", "so", "some", "sorry",
	"still", "text", "than", "thank", "thanks", "that", "the", "their",
	"them", "then", "there", "they", "this", "thx", "to", "today", "txt", "u",
	"until", "up", "ur", "us", "was", "we", "well", "were", "what", "when",
	"which", "who", "will", "with", "yes", "you", "your", "yours"
};

/* Welsh, French, German, Dutch, Spanish, Italian, Portuguese, Polish, Romanian. */
static const char *const others[] = {
	"aan", "al", "alla", "am", "ar", "auf", "aux", "avec", "bei", "bent",
	"ces", "che", "chi", "ci", "com", "con", "cu", "czy", "da", "das", "de",
	"dei", "del", "dem", "den", "der", "des", "die", "dla", "dos", "du", "een",
	"eich", "ein", "eine", "el", "en", "este", "et", "eu", "ewch", "fel",
	"fydd", "gallwch", "gan", "graag", "gyda", "het", "hoffech", "ich", "ihr",
	"ihre", "il", "ir", "ist", "ja", "je", "jest", "jouw", "kunt", "la", "las",
	"le", "les", "lo", "los", "mae", "met", "mit", "mogen", "na", "naar",
	"nach", "nasz", "neu", "nicht", "nie", "niet", "non", "nos", "nous",
	"oder", "oes", "om", "ons", "onze", "os", "ou", "para", "pentru", "per",
	"peut", "por", "pour", "pro", "prosimy", "que", "qui", "rydym", "se", "si",
	"sich", "sie", "sind", "sobre", "son", "su", "sur", "sus", "syn", "te",
	"tu", "un", "una", "und", "une", "uns", "unser", "uw", "van", "voor",
	"vos", "votre", "vous", "wen", "willen", "wilt", "wir", "wird", "wordt",
	"wrth", "y", "ych", "ydych", "yn", "yr", "za", "zijn", "zu", "zum", "zur"
};

#define SLOTS			512		/* a power of two, twice the words and more */

/* A word as a number: its letters, in the order they have in memory. */
typedef uint64 Word;

static Word slot_word[SLOTS];
static int8 slot_language[SLOTS];	/* 1: English, -1: another */
static bool prepared = false;

static uint32
slot_of(Word word)
{
	return (uint32) ((word * UINT64CONST(0x9E3779B97F4A7C15)) >> 40) % SLOTS;
}

static void
prepare(const char *const *list, int n, int8 language)
{
	for (int i = 0; i < n; i++)
	{
		Word		word = 0;
		uint32		s;

		memcpy(&word, list[i], strlen(list[i]));
		s = slot_of(word);
		while (slot_word[s] != 0)
			s = (s + 1) % SLOTS;
		slot_word[s] = word;
		slot_language[s] = language;
	}
}

static int
language_of(Word word)
{
	uint32		s = slot_of(word);

	while (slot_word[s] != 0 && slot_word[s] != word)
		s = (s + 1) % SLOTS;
	return slot_word[s] == word ? slot_language[s] : 0;
}

static bool
is_hidden(ConsentRegion region)
{
	return region == REGION_PREHEADER || region == REGION_URL;
}

ConsentLanguage
consent_language(const ConsentText *const *parts)
{
	int			known = 0;
	int			other = 0;
	int			words = 0;
	int			letters = 0;
	int			strange = 0;	/* not Latin: beyond U+02FF, but for signs */

	if (!prepared)
	{
		prepare(english, lengthof(english), 1);
		prepare(others, lengthof(others), -1);
		prepared = true;
	}
	for (int p = 0; p < 2; p++)
	{
		const char *s = parts[p] ? parts[p]->data : "";

		/* what no reader sees, or nobody wrote, is not his language */
		while (*s)
		{
			const char *from = s;
			char		letters_read[LONGEST_WORD] = {0};
			int			len = 0;
			Word		word;
			int			language;

			for (;; s++)
			{
				if (*s >= 'a' && *s <= 'z')
					letters++;
				else if (*s == '\'')
				{
					letters++;
					continue;
				}
				else if (IS_HIGHBIT_SET(*s))
				{
					letters += ((unsigned char) *s & 0xC0) != 0x80;
					strange += (unsigned char) *s >= 0xCC && (unsigned char) *s < 0xE2;
				}
				else
					break;
				if (len < LONGEST_WORD)
					letters_read[len] = *s;
				len++;
			}
			if (len == 0)
			{
				s += s == from;
				continue;
			}
			if (consent_is_part_of_code(parts[p]->data, from, s))
				continue;
			if (is_hidden(consent_text_region(parts[p], (int) (s - parts[p]->data) - 1)))
				continue;
			words++;
			if (len > LONGEST_WORD)
				continue;
			memcpy(&word, letters_read, sizeof(word));
			language = language_of(word);
			known += language > 0;
			other += language < 0;
			if (known >= other + ENOUGH)
				return LANGUAGE_KNOWN;
		}
	}
	if (other > known || 2 * strange > letters)
		return LANGUAGE_FOREIGN;
	return known > other && words >= FEW ? LANGUAGE_KNOWN : LANGUAGE_UNSURE;
}
