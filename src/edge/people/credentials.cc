#include "edge/people/credentials.h"

#include <fmt/format.h>
#include <sodium.h>

#include <algorithm>

#include "core/base/crockford.h"
#include "core/base/read_file.h"
#include "core/chain/chain.h"

namespace holdfast::people {
namespace {

constexpr std::string_view pepper_path = "people/pepper";
constexpr std::string_view token_path = "admin.token";
constexpr std::string_view first_code_path = "enrolment-code";
constexpr std::string_view magic = "HFPEOPL1";
constexpr std::size_t staff_max = 10'000;
constexpr std::size_t tills_max = 10'000;
constexpr std::uint32_t till_number_max = 999'999;
constexpr std::size_t spent_max = 10'000;

bool digits_only(const std::string& text, std::size_t min, std::size_t max) {
  return text.size() >= min && text.size() <= max &&
         std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

constexpr std::string_view begin_anew =
    "Remove the folder people and the site's .enrolment file from the data directory and start again: a manager enrols "
    "with the new code that lies in the file enrolment-code then, and staff and tills are added anew.";

// What is written gets its SHA-256 behind it, so that damage is told and never guessed around.
Bytes with_hash(Writer& out) {
  out.raw(sha256(out.view()));
  return out.take();
}
Result<ByteView> checked(ByteView whole, std::string_view path) {
  if (whole.size() < 32)
    return fail("people/damaged", fmt::format("{} is damaged: it is too short. {}", path, begin_anew));
  const ByteView body = whole.first(whole.size() - 32);
  const Hash hash = sha256(body);
  if (!std::ranges::equal(hash, whole.last(32))) {
    return fail("people/damaged", fmt::format("{} is damaged: its hash does not hold. {}", path, begin_anew));
  }
  return body;
}

std::unexpected<Error> damaged(std::string_view path) {
  return fail("people/damaged", fmt::format("{} is not in a form that this version can read.", path));
}

std::string random_hex(Entropy& entropy, std::size_t bytes) {
  Bytes random(bytes);
  entropy.fill(random);
  return to_hex(random);
}

// Hyphens, blanks and the case do not matter.
Hash first_code_hash(std::string_view code) {
  std::string plain;
  for (char c : code) {
    if (c == '-' || c == ' ') continue;
    plain += crockford_meant(c);
  }
  return sha256(as_bytes("holdfast first code\n"), as_bytes(plain));
}

// ---- a verifier that was made with another machine's pepper: that pepper and the verifier, under our own

constexpr std::string_view wrapped_mark = "wrapped:";
constexpr std::string_view copy_magic = "HFPCOPY1";
constexpr std::size_t wrap_nonce_bytes = crypto_secretbox_NONCEBYTES, wrap_tag_bytes = crypto_secretbox_MACBYTES;

ByteArray<32> wrap_key(const ByteArray<32>& pepper) {
  const Hash key = sha256(as_bytes("holdfast wrapped verifier v1\n"), pepper);
  ByteArray<32> out;
  std::ranges::copy(key, out.begin());
  return out;
}
unsigned char* raw(std::byte* p) { return reinterpret_cast<unsigned char*>(p); }
const unsigned char* raw(const std::byte* p) { return reinterpret_cast<const unsigned char*>(p); }

std::string wrap(const ByteArray<32>& pepper, Entropy& entropy, const ByteArray<32>& former,
                 const std::string& verifier) {
  Writer inside;
  inside.raw(former);
  inside.text(verifier);
  Bytes box(wrap_nonce_bytes + wrap_tag_bytes + inside.size());
  entropy.fill(std::span(box).first(wrap_nonce_bytes));
  const ByteArray<32> key = wrap_key(pepper);
  crypto_secretbox_easy(raw(box.data() + wrap_nonce_bytes), raw(inside.view().data()), inside.size(), raw(box.data()),
                        raw(key.data()));
  return std::string(wrapped_mark) + to_hex(box);
}

struct Unwrapped {
  ByteArray<32> pepper{};
  std::string verifier;
};
// A verifier of this machine's own is made with its own pepper.
std::optional<Unwrapped> unwrap(const ByteArray<32>& pepper, const std::string& stored) {
  if (!stored.starts_with(wrapped_mark)) return Unwrapped{pepper, stored};
  const auto box = from_hex(std::string_view(stored).substr(wrapped_mark.size()));
  if (!box || box->size() < wrap_nonce_bytes + wrap_tag_bytes) return std::nullopt;
  Bytes inside(box->size() - wrap_nonce_bytes - wrap_tag_bytes);
  const ByteArray<32> key = wrap_key(pepper);
  if (crypto_secretbox_open_easy(raw(inside.data()), raw(box->data() + wrap_nonce_bytes),
                                 box->size() - wrap_nonce_bytes, raw(box->data()), raw(key.data())) != 0)
    return std::nullopt;
  Reader in(inside);
  Unwrapped out{in.array<32>(), in.text()};
  return in.at_end() ? std::optional(std::move(out)) : std::nullopt;
}

std::string mix(const ByteArray<32>& pepper, const std::string& pin) {
  ByteArray<32> mixed;
  crypto_generichash(raw(mixed.data()), mixed.size(), reinterpret_cast<const unsigned char*>(pin.data()), pin.size(),
                     raw(pepper.data()), pepper.size());
  return to_hex(mixed);
}

std::string_view first_line(ByteView bytes) {
  const std::string_view text = as_text(bytes);
  return text.substr(0, text.find_first_of("\r\n"));
}

// A code of 80 bits is not to be tried through: each place waits for its own mistakes alone.
LimitSettings of_codes(LimitSettings limits) {
  limits.all_together = false;
  return limits;
}

}  // namespace

Credentials::Credentials(std::unique_ptr<Disk> disk, Entropy& entropy, Clock& clock,
                         std::optional<keys::Enrolment> enrolment, CredentialSettings settings)
    : disk_(std::move(disk)),
      entropy_(entropy),
      clock_(clock),
      settings_(settings),
      enrolment_(std::move(enrolment)),
      pin_limits_(settings.limits),
      code_limits_(of_codes(settings.limits)) {}

Result<std::unique_ptr<Credentials>> Credentials::open(std::unique_ptr<Disk> disk, Entropy& entropy, Clock& clock,
                                                       std::optional<keys::Enrolment> enrolment,
                                                       CredentialSettings settings) {
  HF_CHECK(sodium_init() >= 0, "libsodium does not start");
  std::unique_ptr<Credentials> out(new Credentials(std::move(disk), entropy, clock, std::move(enrolment), settings));
  HF_TRY_VOID(out->load_secrets());
  HF_TRY_VOID(out->load_book());
  HF_TRY_VOID(out->load_first_code());
  static_cast<void>(out->forget_spent_codes());  // of an end between the two writes of enrol()
  return out;
}

Status Credentials::load_secrets() {
  HF_TRY(const auto token, read_if_there(*disk_, token_path));
  if (token && first_line(*token).size() >= 32) {
    admin_token_ = first_line(*token);
  } else {
    admin_token_ = random_hex(entropy_, 32);
    HF_TRY_VOID(disk_->write_all(token_path, as_bytes(admin_token_ + "\n")));
  }
  HF_TRY(const auto stored, read_if_there(*disk_, credentials_path));
  HF_TRY(const auto pepper, read_if_there(*disk_, pepper_path));
  if (pepper && pepper->size() == pepper_.size()) {
    std::ranges::copy(*pepper, pepper_.begin());
  } else if (stored || pepper) {
    return fail("people/damaged", fmt::format("{} is missing or damaged, and no PIN can be checked without it. {}",
                                              pepper_path, begin_anew));
  } else {
    entropy_.fill(pepper_);
    HF_TRY_VOID(disk_->write_all(pepper_path, pepper_));
  }
  return {};
}

Status Credentials::load_book() {
  HF_TRY(const auto stored, read_if_there(*disk_, credentials_path));
  if (!stored) return {};
  HF_TRY(const ByteView body, checked(*stored, credentials_path));
  Reader in(body);
  if (as_text(in.raw(magic.size())) != magic) return damaged(credentials_path);
  const std::uint32_t staff_count = in.u32();
  if (staff_count > staff_max) return damaged(credentials_path);
  for (std::uint32_t i = 0; i < staff_count && in.ok(); ++i) {
    StaffRecord& record = book_.staff.emplace_back();
    record.staff.number = in.text();
    record.staff.id.bytes = in.array<16>();
    const std::uint8_t role = in.u8();
    if (role > static_cast<std::uint8_t>(Role::chain_operator)) return damaged(credentials_path);
    record.staff.role = static_cast<Role>(role);
    record.verifier = in.text();
  }
  const std::uint32_t till_count = in.u32();
  if (till_count > tills_max) return damaged(credentials_path);
  for (std::uint32_t i = 0; i < till_count && in.ok(); ++i) {
    TillRecord& record = book_.tills.emplace_back();
    record.till.till.number = in.u32();
    record.till.name = in.text();
    record.key_hash = in.array<32>();
  }
  const std::uint32_t spent_count = in.u32();
  if (spent_count > spent_max) return damaged(credentials_path);
  for (std::uint32_t i = 0; i < spent_count && in.ok(); ++i) {
    const std::uint32_t epoch = in.u32();
    book_.spent.emplace_back(epoch, in.u32());
  }
  if (!in.at_end()) return damaged(credentials_path);
  return {};
}

// While nobody is enrolled a code lies in the data directory, for whoever installs the site: who can read it there can
// read admin.token too.
Status Credentials::load_first_code() {
  if (!book_.staff.empty()) return disk_->remove(first_code_path);
  HF_TRY(const auto first, read_if_there(*disk_, first_code_path));
  if (first && first_line(*first).size() >= 16) {
    first_code_ = first_code_hash(first_line(*first));
    return {};
  }
  ByteArray<10> random;
  entropy_.fill(random);
  const std::string code = chain::crockford_groups(random);
  HF_TRY_VOID(disk_->write_all(first_code_path, as_bytes(code + "\n")));
  first_code_ = first_code_hash(code);
  return {};
}

Status Credentials::save(const Book& book) {
  ++version_;
  return disk_->write_all(credentials_path, bytes_of(book));
}

Bytes Credentials::bytes_of(const Book& book) {
  Writer out;
  out.raw(as_bytes(magic));
  out.u32(static_cast<std::uint32_t>(book.staff.size()));
  for (const StaffRecord& record : book.staff) {
    out.text(record.staff.number);
    out.raw(record.staff.id.bytes);
    out.u8(static_cast<std::uint8_t>(record.staff.role));
    out.text(record.verifier);
  }
  out.u32(static_cast<std::uint32_t>(book.tills.size()));
  for (const TillRecord& record : book.tills) {
    out.u32(record.till.till.number);
    out.text(record.till.name);
    out.raw(record.key_hash);
  }
  out.u32(static_cast<std::uint32_t>(book.spent.size()));
  for (const auto& [epoch, number] : book.spent) {
    out.u32(epoch);
    out.u32(number);
  }
  return with_hash(out);
}

// ---- PINs

// HMAC-like: without the pepper nothing that the verifier says can be computed.
std::string Credentials::peppered(const std::string& pin) const { return mix(pepper_, pin); }

bool Credentials::verify_record(const StaffRecord& record, const std::string& pin) const {
  const auto own = unwrap(pepper_, record.verifier);
  if (!own) return false;
  const std::string password = mix(own->pepper, pin);
  return crypto_pwhash_str_verify(own->verifier.c_str(), password.data(), password.size()) == 0;
}

// The PIN is known now, so this person's verifier needs the former machine's pepper no longer.
Status Credentials::pepper_anew(const StaffRecord& record, const std::string& pin) {
  HF_TRY(std::string verifier, verifier_of(pin));
  const std::lock_guard lock(mutex_);
  Book book = book_;
  for (StaffRecord& each : book.staff)
    if (each.staff.id == record.staff.id && each.verifier == record.verifier) each.verifier = verifier;
  HF_TRY_VOID(save(book));
  book_ = std::move(book);
  return {};
}

Bytes Credentials::copy() const {
  const std::lock_guard lock(mutex_);
  Writer out;
  out.raw(as_bytes(copy_magic));
  std::vector<std::pair<const StaffRecord*, Unwrapped>> staff;
  for (const StaffRecord& record : book_.staff)
    if (auto own = unwrap(pepper_, record.verifier)) staff.emplace_back(&record, std::move(*own));
  out.u32(static_cast<std::uint32_t>(staff.size()));
  for (const auto& [record, own] : staff) {
    out.text(record->staff.number);
    out.raw(record->staff.id.bytes);
    out.u8(static_cast<std::uint8_t>(record->staff.role));
    out.raw(own.pepper);
    out.text(own.verifier);
  }
  out.u32(static_cast<std::uint32_t>(book_.tills.size()));
  for (const TillRecord& record : book_.tills) {
    out.u32(record.till.till.number);
    out.text(record.till.name);
    out.raw(record.key_hash);
  }
  return out.take();
}

std::uint64_t Credentials::version() const {
  const std::lock_guard lock(mutex_);
  return version_;
}

Status import_credentials(Disk& disk, Entropy& entropy, ByteView copy) {
  HF_CHECK(sodium_init() >= 0, "libsodium does not start");
  Reader in(copy);
  if (as_text(in.raw(copy_magic.size())) != copy_magic) return damaged("the copy of the credential store");
  ByteArray<32> pepper;
  entropy.fill(pepper);
  Credentials::Book book;
  const std::uint32_t staff_count = in.u32();
  if (staff_count > staff_max) return damaged("the copy of the credential store");
  for (std::uint32_t i = 0; i < staff_count && in.ok(); ++i) {
    Credentials::StaffRecord& record = book.staff.emplace_back();
    record.staff.number = in.text();
    record.staff.id.bytes = in.array<16>();
    const std::uint8_t role = in.u8();
    if (role > static_cast<std::uint8_t>(Role::chain_operator)) return damaged("the copy of the credential store");
    record.staff.role = static_cast<Role>(role);
    const auto former = in.array<32>();
    record.verifier = wrap(pepper, entropy, former, in.text());
  }
  const std::uint32_t till_count = in.u32();
  if (till_count > tills_max) return damaged("the copy of the credential store");
  for (std::uint32_t i = 0; i < till_count && in.ok(); ++i) {
    Credentials::TillRecord& record = book.tills.emplace_back();
    record.till.till.number = in.u32();
    record.till.name = in.text();
    record.key_hash = in.array<32>();
  }
  if (!in.at_end()) return damaged("the copy of the credential store");
  // The book first would be one that no pepper opens; this way an interruption leaves a pepper without a book.
  HF_TRY_VOID(disk.remove(credentials_path));
  HF_TRY_VOID(disk.write_all(pepper_path, pepper));
  return disk.write_all(credentials_path, Credentials::bytes_of(book));
}

Result<std::string> Credentials::verifier_of(const std::string& pin) const {
  const std::string password = peppered(pin);
  char verifier[crypto_pwhash_STRBYTES];
  if (crypto_pwhash_str_alg(verifier, password.data(), password.size(), settings_.pin_operations,
                            settings_.pin_memory_bytes, crypto_pwhash_ALG_ARGON2ID13) != 0) {
    return fail("people/no_memory", "There is not enough memory to check a PIN now. Try again.");
  }
  return std::string(verifier);
}

bool Credentials::verify(const std::string& verifier, const std::string& pin) const {
  const std::string password = peppered(pin);
  return crypto_pwhash_str_verify(verifier.c_str(), password.data(), password.size()) == 0;
}

Status Credentials::begin_attempt(AttemptLimits& limits, const std::string& subject, const std::string& group) {
  const std::lock_guard lock(mutex_);
  if (const auto wait = limits.begin(subject, clock_.monotonic(), group)) {
    wait_left_ = *wait;
    return fail("people/wait", fmt::format("Too many attempts. Wait {} seconds and try again.",
                                           (wait->ns + 999'999'999) / 1'000'000'000));
  }
  return {};
}
Duration Credentials::wait_left() const {
  const std::lock_guard lock(mutex_);
  return wait_left_;
}

Result<Staff> Credentials::check_pin(const std::string& number, const std::string& pin, const Place& place) {
  constexpr std::string_view wrong = "Staff number or PIN is wrong.";
  if (!digits_only(number, 1, 8) || !digits_only(pin, 4, 12)) return fail("people/wrong_pin", std::string(wrong));
  HF_TRY_VOID(begin_attempt(pin_limits_, place.subject(number), place.group()));
  std::optional<StaffRecord> found;
  std::string verifier;
  {
    const std::lock_guard lock(mutex_);
    const auto record = std::ranges::find(book_.staff, number, [](const StaffRecord& r) { return r.staff.number; });
    if (record != book_.staff.end()) found = *record;
    verifier = found ? found->verifier : nobodys_verifier_;
  }
  if (verifier.empty()) {
    HF_TRY(verifier, verifier_of("no such pin"));
    const std::lock_guard lock(mutex_);
    nobodys_verifier_ = verifier;
  }
  const bool is_right = found ? verify_record(*found, pin) : verify(verifier, pin);
  if (!found || !is_right) return fail("people/wrong_pin", std::string(wrong));
  // Not done now is done at the next sign-in.
  if (found->verifier.starts_with(wrapped_mark)) static_cast<void>(pepper_anew(*found, pin));
  const std::lock_guard lock(mutex_);
  pin_limits_.succeeded(place.subject(number), place.group());
  return found->staff;
}

Result<Staff> Credentials::add_staff(const std::string& number, Role role, const std::string& pin) {
  if (!digits_only(number, 1, 8)) return fail("people/bad_number", "A staff number is 1 to 8 digits.");
  if (!digits_only(pin, 4, 12)) return fail("people/bad_pin", "A PIN is 4 to 12 digits.");
  HF_TRY(std::string verifier, verifier_of(pin));
  const std::lock_guard lock(mutex_);
  return insert_staff(book_, number, role, std::move(verifier));
}

Result<Staff> Credentials::insert_staff(Book book, const std::string& number, Role role, std::string verifier) {
  for (const StaffRecord& record : book.staff) {
    if (record.staff.number == number) {
      return fail("people/number_taken", fmt::format("Staff number {} is taken. Choose another one.", number));
    }
  }
  if (book.staff.size() >= staff_max)
    return fail("people/number_taken", "This site's list of staff is full. Remove who has left.");
  StaffRecord& record = book.staff.emplace_back(StaffRecord{{number, {}, role}, std::move(verifier)});
  entropy_.fill(record.staff.id.bytes);
  Staff staff = record.staff;
  HF_TRY_VOID(save(book));
  book_ = std::move(book);
  if (role >= Role::manager && first_code_) {
    // It goes when there is a manager, however that one came in; if the disk refuses, the next start removes it.
    first_code_.reset();
    static_cast<void>(disk_->remove(first_code_path));
  }
  return staff;
}

Status Credentials::remove_staff(const SubjectId& id) {
  const std::lock_guard lock(mutex_);
  Book book = book_;
  if (std::erase_if(book.staff, [&](const StaffRecord& r) { return r.staff.id == id; }) == 0) {
    return fail("people/unknown_staff", "Nobody here has this staff id.");
  }
  if (std::ranges::none_of(book.staff, [](const StaffRecord& r) { return r.staff.role >= Role::manager; })) {
    return fail("people/last_manager", "This is the last manager here; add another one first.");
  }
  HF_TRY_VOID(save(book));
  book_ = std::move(book);
  return {};
}

std::vector<Staff> Credentials::staff() const {
  const std::lock_guard lock(mutex_);
  std::vector<Staff> out;
  out.reserve(book_.staff.size());
  for (const StaffRecord& record : book_.staff) out.push_back(record.staff);
  return out;
}

std::size_t Credentials::tills() const {
  const std::lock_guard lock(mutex_);
  return book_.tills.size();
}

// ---- enrolment

bool Credentials::needs_enrolment() const {
  const std::lock_guard lock(mutex_);
  if (first_code_) return true;
  if (!enrolment_) return false;
  return !std::ranges::all_of(enrolment_->codes, [&](const keys::EnrolmentCode& code) { return is_spent(code); });
}

bool Credentials::is_spent(const keys::EnrolmentCode& code) const {
  const std::pair spent(enrolment_->epoch, std::uint32_t{code.number});
  return std::ranges::find(book_.spent, spent) != book_.spent.end();
}

// The file is another witness than the book, which is removed when it is damaged. One that is gone stays gone.
Status Credentials::forget_spent_codes() {
  if (!enrolment_) return {};
  keys::Enrolment left = *enrolment_;
  if (std::erase_if(left.codes, [&](const keys::EnrolmentCode& code) { return is_spent(code); }) == 0) return {};
  const std::string path = keys::enrolment_file_name(left.site);
  HF_TRY(const auto there, read_if_there(*disk_, path));
  if (there && left.codes.empty()) HF_TRY_VOID(disk_->remove(path));
  if (there && !left.codes.empty()) HF_TRY_VOID(disk_->write_all(path, as_bytes(keys::enrolment_text(left))));
  if (left.codes.empty())
    enrolment_.reset();
  else
    enrolment_ = std::move(left);
  return {};
}

std::optional<std::pair<std::uint32_t, std::uint32_t>> Credentials::find_code(const std::string& code) const {
  const Hash hash = first_code_hash(code);
  if (first_code_ && sodium_memcmp(first_code_->data(), hash.data(), hash.size()) == 0) return std::pair(0u, 0u);
  const auto number = enrolment_ ? keys::check_enrolment_code(*enrolment_, code) : std::nullopt;
  if (!number) return std::nullopt;
  const std::pair<std::uint32_t, std::uint32_t> found(enrolment_->epoch, *number);
  if (std::ranges::find(book_.spent, found) != book_.spent.end()) return std::nullopt;
  return found;
}

Result<Staff> Credentials::enrol(const std::string& code, const std::string& number, const std::string& pin, Role role,
                                 const Place& place) {
  if (!needs_enrolment()) {
    return fail("people/enrol_closed",
                "Nothing is to be enrolled here: this site has its managers. Ask one of them for a staff number.");
  }
  if (!digits_only(number, 1, 8)) return fail("people/bad_number", "A staff number is 1 to 8 digits.");
  if (!digits_only(pin, 4, 12)) return fail("people/bad_pin", "A PIN is 4 to 12 digits.");
  HF_TRY_VOID(begin_attempt(code_limits_, place.subject("code"), place.group()));
  const auto wrong = [] {
    return fail("people/wrong_code", "This enrolment code is not known here, or it has been used.");
  };
  {
    const std::lock_guard lock(mutex_);
    if (!find_code(code)) return wrong();
  }
  HF_TRY(std::string verifier, verifier_of(pin));
  const std::lock_guard lock(mutex_);
  // Looked at again: two may have come with the same code while the verifier was made.
  const auto found = find_code(code);
  if (!found) return wrong();
  Book book = book_;
  if (found->first != 0) book.spent.push_back(*found);
  HF_TRY(Staff staff, insert_staff(std::move(book), number, role, std::move(verifier)));
  static_cast<void>(forget_spent_codes());  // if the disk refuses, the next start does it
  code_limits_.succeeded(place.subject("code"), place.group());
  return staff;
}

// ---- tills

Result<NewTill> Credentials::add_till(const std::string& name, TillId wanted, TillId used_max) {
  if (name.empty() || name.size() > 60) return fail("people/bad_name", "A till's name is 1 to 60 bytes long.");
  if (wanted.number > till_number_max)
    return fail("people/bad_number", fmt::format("A till's number is 1 to {}.", till_number_max));
  const std::lock_guard lock(mutex_);
  Book book = book_;
  NewTill out{{wanted, name}, random_hex(entropy_, 32)};
  if (wanted.number == 0) {
    std::uint32_t used = used_max.number;
    for (const TillRecord& record : book.tills) used = std::max(used, record.till.till.number);
    if (used >= till_number_max)
      return fail("people/bad_number", "No till number is left; ask for a number of a till that is gone.");
    out.till.till.number = used + 1;
  }
  if (book.tills.size() >= tills_max) return fail("people/bad_number", "This site's list of tills is full.");
  std::erase_if(book.tills, [&](const TillRecord& r) { return r.till.till == out.till.till; });
  book.tills.push_back({out.till, sha256(as_bytes(out.device_key))});
  HF_TRY_VOID(save(book));
  book_ = std::move(book);
  return out;
}

std::optional<Till> Credentials::till_of(TillId till, std::string_view device_key) const {
  if (device_key.empty()) return std::nullopt;
  const Hash hash = sha256(as_bytes(device_key));
  const std::lock_guard lock(mutex_);
  for (const TillRecord& record : book_.tills) {
    if (record.till.till == till && sodium_memcmp(record.key_hash.data(), hash.data(), hash.size()) == 0)
      return record.till;
  }
  return std::nullopt;
}
std::optional<std::string> Credentials::till_name(TillId till) const {
  const std::lock_guard lock(mutex_);
  for (const TillRecord& record : book_.tills) {
    if (record.till.till == till) return record.till.name;
  }
  return std::nullopt;
}

void Credentials::tighten(bool tight) {
  const std::lock_guard lock(mutex_);
  pin_limits_.tighten(tight);
  code_limits_.tighten(tight);
}

bool Credentials::is_admin(std::string_view token) const {
  const Hash given = sha256(as_bytes(token));
  const std::lock_guard lock(mutex_);
  const Hash known = sha256(as_bytes(admin_token_));
  return !token.empty() && sodium_memcmp(given.data(), known.data(), known.size()) == 0;
}

}  // namespace holdfast::people
