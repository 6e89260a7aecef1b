// Who may use this node: staff by PIN, tills by device key, the machine's own administrator by a token file.
//
// Shape:  below the data directory, all 0600, none of it ever in a journal, a log or an answer (protocol 11.1):
//           people/credentials  staff (number, opaque id, role, Argon2id verifier), tills (number, name, SHA-256 of
//                               the key)
//           people/pepper       32 random bytes; a verifier that leaks without them cannot be tried against PINs
//           admin.token         for `Authorization: Local`, made at the first start
//           enrolment-code      the first manager's one-time code (80 bits), made while nobody is enrolled; removed by
//                               its use
//           SITE.enrolment      codes given out by `site keygen` or with a recovery certificate (protocol 11.2); one
//                               that was used is told in people/credentials and taken out here, and the file goes
//                               with the last: so it stays spent where the folder people is removed
//         A staff number is 1 to 8 digits, a PIN 4 to 12.
// Errors: people/wrong_pin (also for a number that nobody has), people/wait (too many attempts: wait_left says how
//         long), people/wrong_code, people/enrol_closed, people/number_taken, people/bad_number, people/bad_pin,
//         people/bad_name, people/unknown_staff, people/damaged; base/disk_*.
// After:  a failed change leaves files and memory as they were.
// Thread: any; check_pin, add_staff and enrol take some 50 to 100 ms of computing and belong on a thread of their own.
// Source: RFC 9106 (Argon2id), OWASP ASVS 2.4.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "core/base/ids.h"
#include "core/base/world.h"
#include "edge/keys/enrolment.h"
#include "edge/people/limits.h"
#include "edge/people/role.h"

namespace holdfast::people {

inline constexpr std::string_view credentials_path = "people/credentials";

struct Staff {
  std::string number;
  SubjectId id;
  Role role = Role::cashier;
};
struct Till {
  TillId till;
  std::string name;
};
struct NewTill {
  Till till;
  std::string device_key;  // told once; only its hash is kept
};
// Where a PIN or a code is tried: at an enrolled till, or else from an address. Wrong ones count by that.
struct Place {
  TillId till;
  std::string from;
  std::string group() const { return till.number == 0 ? "" : "till/" + std::to_string(till.number); }
  std::string subject(const std::string& of) const { return (till.number == 0 ? from : group()) + "/" + of; }
};
struct CredentialSettings {
  unsigned long long pin_operations = 2;  // libsodium's interactive limits; tests take less
  std::size_t pin_memory_bytes = 64u << 20;
  LimitSettings limits;
};

class Credentials {
 public:
  // Makes pepper, token and enrolment code where they are missing. `disk` is this object's own.
  static Result<std::unique_ptr<Credentials>> open(std::unique_ptr<Disk> disk, Entropy& entropy, Clock& clock,
                                                   std::optional<keys::Enrolment> enrolment,
                                                   CredentialSettings settings = {});

  Result<Staff> check_pin(const std::string& number, const std::string& pin, const Place& place = {});
  Result<Staff> add_staff(const std::string& number, Role role, const std::string& pin);
  Status remove_staff(const SubjectId& id);
  std::vector<Staff> staff() const;

  // Spends the code and makes its bearer `role`.
  Result<Staff> enrol(const std::string& code, const std::string& number, const std::string& pin, Role role,
                      const Place& place = {});
  bool needs_enrolment() const;

  // `wanted`: the number that is asked for (an older key of it stops), else the lowest above `used_max` and every till
  // here.
  Result<NewTill> add_till(const std::string& name, TillId wanted, TillId used_max);
  std::optional<Till> till_of(TillId till, std::string_view device_key) const;
  std::optional<std::string> till_name(TillId till) const;
  std::size_t tills() const;
  bool has_till(TillId till) const { return till_name(till).has_value(); }

  // A guarded or sealed site: PINs and codes may be guessed less often (limits.h).
  void tighten(bool tight);
  // All of it, for the spare of this store (protocol 11.1); to be sealed before it leaves. version() changes with it.
  Bytes copy() const;
  std::uint64_t version() const;

  bool is_admin(std::string_view token) const;
  // After people/wait: how long. Kept for the last refusal of this subject.
  Duration wait_left() const;

 private:
  struct StaffRecord {
    Staff staff;
    std::string verifier;
  };
  struct TillRecord {
    Till till;
    Hash key_hash{};
  };
  struct Book {
    std::vector<StaffRecord> staff;
    std::vector<TillRecord> tills;
    std::vector<std::pair<std::uint32_t, std::uint32_t>> spent;  // codes, as (epoch, number)
  };
  Credentials(std::unique_ptr<Disk> disk, Entropy& entropy, Clock& clock, std::optional<keys::Enrolment> enrolment,
              CredentialSettings settings);
  friend Status import_credentials(Disk& disk, Entropy& entropy, ByteView copy);
  Status load_secrets();
  Status load_book();
  Status load_first_code();
  Status forget_spent_codes();
  bool is_spent(const keys::EnrolmentCode& code) const;
  Status save(const Book& book);
  static Bytes bytes_of(const Book& book);
  Status begin_attempt(AttemptLimits& limits, const std::string& subject, const std::string& group);
  Result<std::string> verifier_of(const std::string& pin) const;
  bool verify(const std::string& verifier, const std::string& pin) const;
  std::string peppered(const std::string& pin) const;
  bool verify_record(const StaffRecord& record, const std::string& pin) const;
  Status pepper_anew(const StaffRecord& record, const std::string& pin);
  // What a code opens: the first code (0, 0), or one of the enrolment file that is not spent.
  std::optional<std::pair<std::uint32_t, std::uint32_t>> find_code(const std::string& code) const;
  Result<Staff> insert_staff(Book book, const std::string& number, Role role, std::string verifier);

  const std::unique_ptr<Disk> disk_;
  Entropy& entropy_;
  Clock& clock_;
  const CredentialSettings settings_;

  mutable std::mutex mutex_;                  // guards what follows, the disk too
  std::optional<keys::Enrolment> enrolment_;  // as SITE.enrolment is
  ByteArray<32> pepper_{};
  std::string admin_token_;
  std::string nobodys_verifier_;  // so that an unknown number takes as long as a known one
  Book book_;
  std::uint64_t version_ = 1;
  std::optional<Hash> first_code_;  // of enrolment-code
  AttemptLimits pin_limits_, code_limits_;
  Duration wait_left_;
};

// What copy() gave, on the machine that takes the other's place. Its own pepper is drawn, and each verifier lies under
// it together with the pepper that it was made with; at a person's first sign-in it is made anew with the new one
// alone.
// Errors: people/damaged; base/disk_*. A credential store that is there already is replaced.
Status import_credentials(Disk& disk, Entropy& entropy, ByteView copy);

}  // namespace holdfast::people
