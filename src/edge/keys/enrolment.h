// One-time enrolment codes (protocol 11.2): how the first manager of a new or rebuilt site gets in. The code goes to
// the manager on paper; the site has only its hash.
//
// Shape:  a code is 80 random bits as Crockford base32, "7KQ2-M9XA-0V3E-PPRT"; case, blanks and dashes do not matter,
//         and O is read as 0, I and L as 1. The file "<site>.enrolment" is lines:
//           holdfast enrolment v1
//           site store-07
//           epoch 2
//           code 1 <salt: 32 hex> <hash: 64 hex>      one line for each manager; numbers from 1 to 16, rising
//         hash = BLAKE2b-256, keyed with the salt, of "holdfast enrolment v1\n<site>\n<epoch>\n<the 16 characters>". A
//         fast hash is enough: nobody tries 2^80 codes, and checking stays cheap for the node that is asked by
//         strangers. A code that was used is taken out of the file, whose last one takes the file along; the credential
//         store has it by (epoch, number) besides.
// Errors: keys/bad_enrolment: the file is damaged, or of another site or epoch.
#pragma once

#include <string>
#include <vector>

#include "core/base/crypto.h"
#include "core/base/ids.h"
#include "core/base/result.h"

namespace holdfast::keys {

inline constexpr unsigned enrolment_codes_max = 16;

struct EnrolmentCode {
  unsigned number = 0;
  ByteArray<16> salt{};
  Hash hash{};
  bool operator==(const EnrolmentCode&) const = default;
};
struct Enrolment {
  SiteName site;
  std::uint32_t epoch = 0;
  std::vector<EnrolmentCode> codes;
  bool operator==(const Enrolment&) const = default;
};
struct NewEnrolment {
  Enrolment file;
  std::vector<std::string> codes;  // in clear, by number; to be printed once and forgotten
};

NewEnrolment make_enrolment(const SiteName& site, std::uint32_t epoch, unsigned managers = 1);
std::string enrolment_text(const Enrolment& enrolment);
Result<Enrolment> parse_enrolment(std::string_view text);
// The number of the code, if it is one of the file's. In time that does not depend on how much of it is right.
std::optional<unsigned> check_enrolment_code(const Enrolment& enrolment, std::string_view code);

std::string enrolment_file_name(const SiteName& site);  // in the data directory, and beside the certificate

}  // namespace holdfast::keys
