/*-------------------------------------------------------------------------
 *
 * lexicon.c
 *	  The words that disguised words are compared with.
 *
 * A disguise is only seen through if what comes out is in here: an order
 * number or a name must not become a word.  Compound words of everyday are
 * listed so that they are not taken apart.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "text/lexicon.h"

#define SLOTS		2048		/* a power of two, more than twice the words */
#define WORD_MAX	15
#define SPLIT_MAX	48			/* bytes of what is taken apart */

/* So long a word, made of so long ones, is none of the language. */
#define LONG		10
#define LONG_PART	4

static const char trade_words[] =
	"bargain bargains basket bogof bonus brand buy cash cashback casino cheap cheaper cheapest claim clearance "
	"collection competition coupon coupons credit deal deals delivery discount discounted discounts draw "
	"exclusive extra free gift gifts giveaway half huge jackpot join limited loan loans lottery "
	"member membership mega offer offers order percent points premium price prices prize prizes promo promotion "
	"rewards reward sale sales save saver saving savings shop shopping special specials subscribe sweepstake "
	"ticket tickets trial unlimited upgrade upgrades viagra vip voucher vouchers win winner winning won";

static const char plain_words[] =
	"about account accounts act address after again all also always amazing and another any app apply are "
	"available back bank balance before best better big bill body book booking bring but call can card cards care "
	"change check choose click code codes come confirm contact cost could cover customer customers daily data "
	"date day days dear details don't double down download early easy email end ending ends enjoy enter event "
	"every everything experience family fast fee final finance find first five flash flight flights for four "
	"friday friend friends from full get gold gone good grab great guarantee guaranteed happy has have hello "
	"help here holiday holidays home hot hotel hour hours how hurry inside instant insurance into invest "
	"invite invited just keep know last latest left less life like line link live local look love low lowest lucky "
	"made make many message messages minute minutes mobile monday money month monthly months more most "
	"must need never new next night nothing now off once one online only open our out over own package paid party "
	"pay payment period personal phone plan please plus pounds product products quality quick quote range "
	"rate rates ready really receive receiving renew reply request risk same saturday season second secure see select selected sell "
	"send service services share sign simply small some soon spend spring start started stay stock "
	"stop store stores summer sunday super sure switch take tap text thank thanks the their them then there these "
	"they this thousands three thursday time today tomorrow tonight top total travel treat try tuesday two until "
	"upto use value very video visit want was watch way website wednesday week weekend weekly weeks welcome what when "
	"while who why will winter with within without word work world worth year years yes you your yours "
	"any anything anytime anyone every everyone everyday "
	"afternoon airport breakfast birthday checkout children christmas classic company computer "
	"deadline download feedback football forever forget forward freebie freedom freehold freelance freely "
	"freephone freepost freesat freeview freeway freezer helpline homepage hotline input household income "
	"inform information invoice itself lifetime maybe myself network newsletter notebook "
	"offering offerings offered office online onto orders ordered ordering outside overdue password payday "
	"paypal postcode pricing priced prized promoted salesforce salesperson salesman shopfront shopper shoppers "
	"something statement sometimes standard takeaway themselves timetable underway upcoming update updated updates upload "
	"username warehouse weekday whatever wholesale winners workshop yourself youtube dealer dealers dealership "
	"dealing drawer drawing drawings members winding window windows winston extract creditor credited "
	"halfway halftime hugely joined joiner joining joint claims claimed claimant giftaid "
	"limitedly megabyte orderly pointless subscriber subscribed special specially specialist speciality "
	"hereafter hereinafter thereafter whenever yearbook "
	"trials voucher upgraded upgrading deliverance deliveries wonder wonderful wondering branded brands";

static uint16 slot_start[SLOTS];	/* offset + 1 in the list, 0: empty */
static uint8 slot_len[SLOTS];
static uint8 slot_kind[SLOTS];
static bool prepared = false;

/* FNV-1a; a word's slot is told by what this makes of all of its letters. */
#define HASH_START	2166136261u

static inline uint32
hash_letter(uint32 hash, char letter)
{
	return (hash ^ (unsigned char) letter) * 16777619u;
}

static inline uint32
slot_of(uint32 hash)
{
	return (hash ^ (hash >> 15)) % SLOTS;
}

static uint32
hash_word(const char *word, int len)
{
	uint32		hash = HASH_START;

	for (int i = 0; i < len; i++)
		hash = hash_letter(hash, word[i]);
	return hash;
}

static WordKind
find(const char *word, int len, uint32 hash)
{
	for (uint32 i = slot_of(hash); slot_start[i]; i = (i + 1) % SLOTS)
	{
		const char *list = slot_kind[i] == WORD_TRADE ? trade_words : plain_words;

		if (slot_len[i] == len && memcmp(list + slot_start[i] - 1, word, len) == 0)
			return (WordKind) slot_kind[i];
	}
	return WORD_NONE;
}

static void
add_words(const char *list, WordKind kind)
{
	for (const char *s = list; *s;)
	{
		int			len = (int) strcspn(s, " ");
		uint32		hash = hash_word(s, len);

		if (find(s, len, hash) == WORD_NONE)
		{
			uint32		i = slot_of(hash);

			while (slot_start[i])
				i = (i + 1) % SLOTS;
			slot_start[i] = (uint16) (s - list + 1);
			slot_len[i] = (uint8) len;
			slot_kind[i] = (uint8) kind;
		}
		s += len + (s[len] == ' ');
	}
}

static inline void
prepare(void)
{
	if (prepared)
		return;
	prepared = true;
	add_words(trade_words, WORD_TRADE);
	add_words(plain_words, WORD_PLAIN);
}

WordKind
consent_lexicon_find(const char *word, int len)
{
	prepare();
	return len > WORD_MAX ? WORD_NONE : find(word, len, hash_word(word, len));
}

int
consent_lexicon_split(const char *s, int len, int min_part, int *ends, int max)
{
	/* for each length of prefix: the last word's, and words so far */
	uint8		last[SPLIT_MAX + 1] = {0};
	uint8		words[SPLIT_MAX + 1] = {0};
	bool		worth[SPLIT_MAX + 1] = {false};	/* has a word of the trade */
	uint8		shortest[SPLIT_MAX + 1] = {0};
	int			n;

	if (len > SPLIT_MAX)
		return 0;
	prepare();
	for (int from = 0; from < len; from++)
	{
		uint32		hash = HASH_START;

		if (from > 0 && words[from] == 0)
			continue;
		for (int part = 1; part <= WORD_MAX && from + part <= len; part++)
		{
			WordKind	kind;
			int			to = from + part;

			hash = hash_letter(hash, s[to - 1]);
			kind = part < min_part ? WORD_NONE : find(s + from, part, hash);

			/* the fewest words, of which one of the trade */
			if (kind == WORD_NONE)
				continue;
			if (words[to] == 0 || words[from] + 1 < words[to])
			{
				words[to] = words[from] + 1;
				last[to] = (uint8) part;
				worth[to] = worth[from] || kind == WORD_TRADE;
				shortest[to] = Min(from == 0 ? part : shortest[from], part);
			}
		}
	}
	n = words[len];
	if (n < 2 || n > max || !(worth[len] || (len >= LONG && shortest[len] >= LONG_PART)))
		return 0;
	for (int to = len, i = n; i > 0; to -= last[to])
		ends[--i] = to;
	return n;
}
