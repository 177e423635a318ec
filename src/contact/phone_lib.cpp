/*-------------------------------------------------------------------------
 *
 * phone_lib.cpp
 *	  libphonenumber behind one C function, in a shared library of its own.
 *
 * Nothing here may call the server: ereport() is a longjmp, and would leave
 * C++ frames without unwinding them.  Nor may an exception leave it.  What
 * goes wrong is told by the outcome, and the caller reports it.
 *
 *-------------------------------------------------------------------------
 */
#include <cstring>
#include <new>
#include <string>

#include <phonenumbers/logger.h>
#include <phonenumbers/phonenumber.pb.h>
#include <phonenumbers/phonenumberutil.h>
#include <phonenumbers/shortnumberinfo.h>

#include "contact/phone_lib.h"

using i18n::phonenumbers::Logger;
using i18n::phonenumbers::NullLogger;
using i18n::phonenumbers::PhoneNumber;
using i18n::phonenumbers::PhoneNumberUtil;
using i18n::phonenumbers::ShortNumberInfo;

namespace
{

/* "ZZ" is how libphonenumber spells that no region is known. */
const char	no_region[] = "ZZ";

/* Countries with national numbers of six digits exist; they are rare. */
const size_t longest_short_code = 6;

/*
 * libphonenumber's own logger writes to standard output.  Ours is never
 * deleted: the library may still log while the process exits.
 */
PhoneNumberUtil *
library()
{
	static PhoneNumberUtil *util = nullptr;

	if (util == nullptr)
	{
		PhoneNumberUtil *instance = PhoneNumberUtil::GetInstance();

		Logger::set_logger_impl(new NullLogger());
		util = instance;
	}
	return util;
}

const ShortNumberInfo *
short_numbers()
{
	static const ShortNumberInfo *info = nullptr;

	if (info == nullptr)
		info = new ShortNumberInfo();
	return info;
}

ConsentPhoneOutcome
parse_outcome(PhoneNumberUtil::ErrorType error, bool has_region)
{
	switch (error)
	{
		case PhoneNumberUtil::NO_PARSING_ERROR:
			return PHONE_OK;
		case PhoneNumberUtil::INVALID_COUNTRY_CODE_ERROR:
			return has_region ? PHONE_UNKNOWN_COUNTRY_CODE : PHONE_NEEDS_REGION;
		case PhoneNumberUtil::TOO_SHORT_AFTER_IDD:
		case PhoneNumberUtil::TOO_SHORT_NSN:
			return PHONE_TOO_SHORT;
		case PhoneNumberUtil::TOO_LONG_NSN:
			return PHONE_TOO_LONG;
		default:
			return PHONE_NOT_A_NUMBER;
	}
}

ConsentPhoneOutcome
length_outcome(PhoneNumberUtil::ValidationResult result)
{
	switch (result)
	{
		case PhoneNumberUtil::IS_POSSIBLE:
			return PHONE_OK;
		case PhoneNumberUtil::IS_POSSIBLE_LOCAL_ONLY:
			return PHONE_LOCAL_ONLY;
		case PhoneNumberUtil::INVALID_COUNTRY_CODE:
			return PHONE_UNKNOWN_COUNTRY_CODE;
		case PhoneNumberUtil::TOO_SHORT:
			return PHONE_TOO_SHORT;
		case PhoneNumberUtil::TOO_LONG:
			return PHONE_TOO_LONG;
		default:
			return PHONE_IMPOSSIBLE_LENGTH;
	}
}

/*
 * Is this what a network answers to, rather than somebody's number?  In a
 * country with numbers of variable length 60777 would otherwise become
 * +49 60777.
 */
bool
is_short_code(PhoneNumberUtil *util, const PhoneNumber &number,
			  const std::string &dialled, const std::string &region)
{
	if (number.country_code_source() != PhoneNumber::FROM_DEFAULT_COUNTRY ||
		dialled.size() > longest_short_code)
		return false;
	return !util->IsValidNumber(number) ||
		short_numbers()->IsValidShortNumberForRegion(number, region);
}

/*
 * Is the zero in front that of national dialling, left on because without it
 * too few digits remain?  Written with the country code it passes, as in what
 * earlier versions stored: a dump must not fail to be restored.
 */
bool
keeps_trunk_prefix(PhoneNumberUtil *util, const PhoneNumber &number,
				   const std::string &national, const std::string &region)
{
	std::string trunk;

	if (number.country_code_source() != PhoneNumber::FROM_DEFAULT_COUNTRY ||
		national[0] != '0' || util->IsValidNumber(number))
		return false;
	util->GetNddPrefixForRegion(region, true, &trunk);
	return trunk == "0";
}

bool
follows_country_code(const std::string &dialled, int digits, const PhoneNumber &number)
{
	const std::string before = dialled.substr(dialled[0] == '+' ? 1 : 0, digits);
	const std::string code = std::to_string(number.country_code());

	return number.country_code_source() != PhoneNumber::FROM_DEFAULT_COUNTRY &&
		before.size() >= code.size() &&
		before.compare(before.size() - code.size(), code.size(), code) == 0;
}

ConsentPhoneOutcome
parse(const std::string &dialled, const char *region, int trunk_zero, std::string *e164)
{
	PhoneNumberUtil *util = library();
	const std::string home(region != nullptr ? region : no_region);
	const bool	international = dialled[0] == '+';
	PhoneNumber number;
	std::string national;
	ConsentPhoneOutcome outcome;

	if (region != nullptr && util->GetCountryCodeForRegion(home) == 0)
		return PHONE_UNKNOWN_REGION;
	if (region == nullptr && !international)
		return PHONE_NEEDS_REGION;

	outcome = parse_outcome(util->ParseAndKeepRawInput(dialled, home, &number),
							region != nullptr || international);
	if (outcome == PHONE_TOO_SHORT && !international)
		outcome = PHONE_LOCAL_ONLY;
	if (outcome != PHONE_OK)
		return outcome;

	outcome = length_outcome(util->IsPossibleNumberWithReason(number));
	if (!international && dialled.size() <= longest_short_code &&
		(outcome == PHONE_TOO_SHORT || outcome == PHONE_IMPOSSIBLE_LENGTH))
		outcome = PHONE_LOCAL_ONLY;
	if (outcome != PHONE_OK)
		return outcome;
	if (is_short_code(util, number, dialled, home))
		return PHONE_LOCAL_ONLY;

	util->Format(number, PhoneNumberUtil::E164, e164);
	if (e164->size() > CONSENT_PHONE_MAX_DIGITS + 1)
		return PHONE_TOO_LONG;

	util->GetNationalSignificantNumber(number, &national);
	if (keeps_trunk_prefix(util, number, national, home))
		return PHONE_TOO_SHORT;

	/*
	 * After anything but a country code "(0)" would be read as a digit.  And
	 * where numbers keep their leading zero, as in Italy, it may be part of
	 * the number or may be a habit from elsewhere: trust it only if the number
	 * with the zero is in use.
	 */
	if (trunk_zero > 0 &&
		(!follows_country_code(dialled, trunk_zero, number) ||
		 (national[0] == '0' && !util->IsValidNumber(number))))
		return PHONE_AMBIGUOUS;
	return PHONE_OK;
}

}								/* namespace */

extern "C" __attribute__((visibility("default"))) ConsentPhoneOutcome
pg_consent_phone_parse(const char *number, const char *region, int trunk_zero,
					   char e164[CONSENT_PHONE_BUFFER])
{
	try
	{
		std::string spelling;
		ConsentPhoneOutcome outcome = parse(number, region, trunk_zero, &spelling);

		if (outcome == PHONE_OK)
			std::memcpy(e164, spelling.c_str(), spelling.size() + 1);
		return outcome;
	}
	catch (const std::bad_alloc &)
	{
		return PHONE_OUT_OF_MEMORY;
	}
	catch (...)
	{
		return PHONE_FAILED;
	}
}
