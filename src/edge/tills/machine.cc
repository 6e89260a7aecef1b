#include "edge/tills/machine.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "edge/net/address.h"
#include "edge/posix/posix_disk.h"

namespace holdfast::tills {
namespace {

constexpr std::string_view machines_path = "store-tls/machines";
constexpr std::string_view copy_magic = "holdfast store copy v1\n";
constexpr std::string_view lacks_authority =
    "the key of the store's authority is not on this machine, so it can make no other: put store-ca there, from who "
    "has kept it, or ";
constexpr Duration look_every = seconds(60);
// From about then on leaves are cut at the authority's end; a round of all tills of a chain takes its time.
constexpr Duration ends_soon_before = days(400);
constexpr std::size_t names_max = 8, known_max = 5, refusal_bytes_max = 1000;

bool is_unspecified(const std::string& host) { return host == "0.0.0.0" || host == "::"; }
std::string origin_of(const std::string& name, unsigned port) {
  const std::string host = name.find(':') == std::string::npos ? name : "[" + name + "]";
  return port == 443 ? "https://" + host : fmt::format("https://{}:{}", host, port);
}
// What a browser would send as Origin; nothing else may reach a header.
bool is_origin(std::string_view text) {
  constexpr std::string_view scheme = "https://";
  return text.starts_with(scheme) && text.size() > scheme.size() && text.size() <= 300 &&
         std::ranges::all_of(text.substr(scheme.size()), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '-' || c == ':' || c == '[' ||
                  c == ']';
         });
}
std::string host_of(std::string_view origin) {
  std::string_view host = origin.substr(std::string_view("https://").size());
  if (host.starts_with('[')) return std::string(host.substr(1, host.find(']') - 1));
  return std::string(host.substr(0, host.find(':')));
}
std::string read_text(Disk& disk, std::string_view path) {
  const auto bytes = disk.read_all(path);
  return bytes && bytes->size() <= 2 * pem_bytes_max ? std::string(as_text(*bytes)) : std::string();
}

// Of the node, for a terminal and a page.
std::string as_plain(std::string text) {
  std::ranges::replace_if(
      text, [](char c) { return c < ' ' || c > '~'; }, '?');
  return text;
}

struct WordOfSpare {
  std::string origin, public_key;
  std::vector<std::string> names;
  bool needs_certificate = false;
};
std::optional<WordOfSpare> read_word(ByteView bytes) {
  Reader in(bytes);
  WordOfSpare out;
  out.origin = in.text();
  out.public_key = in.text();
  out.needs_certificate = in.u8() != 0;
  const std::uint32_t count = in.u32();
  if (count == 0 || count > names_max) return std::nullopt;
  for (std::uint32_t i = 0; i < count && in.ok(); ++i) out.names.push_back(in.text());
  if (!in.at_end() || !is_origin(out.origin)) return std::nullopt;
  // What tills are told to speak to is what a certificate is for, and nothing else.
  const std::string host = host_of(out.origin);
  if (std::ranges::none_of(out.names, [&](const std::string& name) { return is_same_name(name, host); }))
    return std::nullopt;
  return out;
}

}  // namespace

Machine::Machine(MachineSettings settings, Clock& clock, Tell log)
    : settings_(std::move(settings)), clock_(clock), log_(std::move(log)) {}

Result<std::unique_ptr<Machine>> Machine::open(MachineSettings settings, Clock& clock, Tell log) {
  std::unique_ptr<Machine> machine(new Machine(std::move(settings), clock, std::move(log)));
  HF_TRY_VOID(machine->start());
  return machine;
}

Status Machine::start() {
  HF_TRY(const edge::Address at, edge::parse_address(settings_.listen));
  names_ = settings_.names;
  if (!is_unspecified(at.host)) names_.push_back(at.host);
  std::vector<std::string> once;
  for (const std::string& name : names_)
    if (std::ranges::find(once, name) == once.end()) once.push_back(name);
  names_ = once;
  if (names_.empty())
    return fail("tills/bad_name", fmt::format("{} says every address of this machine; tills must know one: name it "
                                              "with --tills-name",
                                              settings_.listen));
  if (names_.size() > names_max) return fail("tills/bad_name", fmt::format("give at most {} names", names_max));
  for (const std::string& name : names_) HF_TRY_VOID(check_name(name));
  called_ = names_.front();
  HF_TRY(key_, open_machine_key(settings_.data));
  HF_TRY(const auto disk, edge::PosixDisk::open_root(settings_.data));
  leaf_ = read_text(*disk, tls_certificate_path);
  const std::string machines = read_text(*disk, machines_path);
  for (std::size_t from = 0, end = 0; from < machines.size() && known_.size() < known_max; from = end + 1) {
    end = std::min(machines.find('\n', from), machines.size());
    if (const std::string line = machines.substr(from, end - from); is_origin(line)) known_.push_back(line);
  }
  if (!settings_.is_node) return {};
  const Status made = renew();
  // The store sells without tills on the network, too: a wrong clock or a damaged file must not shut it. What was typed
  // wrong is told to who typed it.
  const bool is_typed_wrong =
      !made && (made.error().code == "tills/bad_name" || made.error().code == "tills/name_outside");
  if (is_typed_wrong && !settings_.goes_on_without) return made;
  warn(made);
  return {};
}

Status Machine::renew() {
  const Instant now = clock_.now();
  if (!authority_) {
    // Signed by an authority whose key is not here: of a spare that was promoted without it, or store-ca is lost. It is
    // kept; a new authority, which every till would refuse, is a person's to make.
    const auto is_there = [&](std::string_view path) {
      std::error_code ignored;
      return std::filesystem::exists(fmt::format("{}/{}", settings_.data, path), ignored);
    };
    if (!is_there(ca_key_path) && (!leaf_.empty() || is_there(tls_certificate_path))) return {};
    HF_TRY(authority_, open_authority(settings_.data, settings_.site, names_, now));
  }
  const auto known = authority_of(leaf_);
  if (known && *known == authority_->certificate && !is_due(leaf_, key_.public_key, names_, now)) return {};
  HF_TRY(const std::string leaf, issue(*authority_, key_.public_key, names_, now));
  return use_leaf(leaf);
}

Status Machine::use_leaf(const std::string& leaf_and_authority) {
  HF_TRY(const auto context, server_context(key_.key, leaf_and_authority));
  HF_TRY(const auto disk, edge::PosixDisk::open_root(settings_.data));
  HF_TRY_VOID(disk->write_all(tls_certificate_path, as_bytes(leaf_and_authority)));
  const std::lock_guard lock(mutex_);
  leaf_ = leaf_and_authority;
  if (server_ != nullptr) server_->use_certificate(context);
  return {};
}

void Machine::serve(http::Server& server) {
  const std::lock_guard lock(mutex_);
  server_ = &server;
  if (leaf_.empty()) {
    if (!settings_.is_node)
      log_({"no-certificate", "the store's node has given this machine no certificate yet; tills wait"});
    return;
  }
  if (auto context = server_context(key_.key, leaf_))
    server.use_certificate(*context);
  else
    log_({"bad-certificate", context.error().text});
}

void Machine::look() {
  const std::lock_guard lock(mutex_);
  const Instant now = clock_.monotonic();
  if (now - looked_at_ < look_every) return;
  looked_at_ = now;
  if (!settings_.is_node) return;
  const std::string before = leaf_;
  const Status renewed = renew();
  if (leaf_ != before) log_({"renewed", "this machine's certificate for tills"});
  warn(renewed);
}

// What stands in the way of tills, until it is put right.
void Machine::warn(const Status& renewed) {
  refusal_ = renewed ? std::string() : renewed.error().text;
  const std::string known = authority_ ? authority_->certificate : authority();
  const Status holds = known.empty() ? Status() : check_dates(known, clock_.now());
  if (!holds)
    warn_daily("authority-not-valid-now",
               fmt::format("{} If not, set it; if it is, {}", holds.error().text, new_authority_takes));
  const auto dates = validity_of(known);
  if (holds && dates && dates->to - clock_.now() < ends_soon_before)
    warn_daily("authority-ends-soon", fmt::format("the store's certificate ends at {}; before then {}",
                                                  to_text(dates->to), new_authority_takes));
  // That it cannot sign by a wrong clock is no news then.
  if (!renewed && (holds || renewed.error().code != "tills/clock"))
    warn_daily(is_for(leaf_, key_.public_key, names_) ? "not-renewed" : "no-certificate", renewed.error().text);
  if (renewed && !authority_ && holds) warn_of_kept_leaf();
}

void Machine::warn_of_kept_leaf() {
  const auto leaf = validity_of(leaf_);
  const Status holds = check_dates(leaf_, clock_.now());
  if (!leaf || !is_for(leaf_, key_.public_key, names_))
    warn_daily("no-certificate", fmt::format("this machine's certificate is for other names, or cannot be read; {}{}",
                                             lacks_authority, new_authority_takes));
  else if (!holds)
    warn_daily("certificate-not-valid-now",
               fmt::format("{} If it is, {}{}", holds.error().text, lacks_authority, new_authority_takes));
  else if (is_due(leaf_, key_.public_key, names_, clock_.now()))
    warn_daily("ends-soon", fmt::format("this machine's certificate ends at {}, and {}{}", to_text(leaf->to),
                                        lacks_authority, new_authority_takes));
}

void Machine::warn_daily(std::string_view event, const std::string& what) {
  const Instant now = clock_.monotonic();
  const auto [warned, is_first] = warned_at_.try_emplace(std::string(event), now);
  if (!is_first && now - warned->second < days(1)) return;
  warned->second = now;
  log_({std::string(event), what, true});
}

std::string Machine::origin() const {
  const std::lock_guard lock(mutex_);
  return server_ == nullptr ? std::string() : origin_of(called_, server_->tills_port());
}
bool Machine::is_here_only() const { return edge::is_loopback(called_); }
bool Machine::can_be_reached() const {
  const std::lock_guard lock(mutex_);
  return server_ != nullptr && server_->tills_can_come() && check_dates(leaf_, clock_.now());
}

std::vector<std::string> Machine::others() const {
  const std::lock_guard lock(mutex_);
  return known_.empty() || known_.front() == origin() ? std::vector<std::string>() : std::vector{known_.front()};
}
std::vector<std::string> Machine::known() const {
  const std::lock_guard lock(mutex_);
  std::vector<std::string> out = known_;
  std::erase(out, origin());
  return out;
}
std::vector<std::string> Machine::origins() const {
  std::vector<std::string> out = others();
  out.insert(out.begin(), origin());
  return out;
}
std::string Machine::authority() const {
  const std::lock_guard lock(mutex_);
  return authority_of(leaf_).value_or(std::string());
}
std::string Machine::authority_fingerprint() const { return fingerprint(authority()).value_or(std::string()); }
std::optional<Machine::Ends> Machine::ends() const {
  const std::lock_guard lock(mutex_);
  const auto leaf = validity_of(leaf_), known = validity_of(authority_of(leaf_).value_or(std::string()));
  if (!leaf || !known) return std::nullopt;
  return Ends{leaf->to, known->to};
}
std::optional<Authority> Machine::authority_key() const {
  const std::lock_guard lock(mutex_);
  return authority_;
}

bool Machine::has_authority_key() const {
  const std::lock_guard lock(mutex_);
  return authority_.has_value();
}

void Machine::set_other(const std::string& origin) {
  const std::lock_guard lock(mutex_);
  if ((!known_.empty() && origin == known_.front()) || origin == this->origin()) return;
  std::erase(known_, origin);
  known_.insert(known_.begin(), origin);
  if (known_.size() > known_max) known_.pop_back();
  std::string lines;
  for (const std::string& each : known_) lines += each + "\n";
  const auto disk = edge::PosixDisk::open_root(settings_.data);
  const Status written = disk ? (*disk)->write_all(machines_path, as_bytes(lines)) : Status(pass_on(disk.error()));
  log_({"other-machine", written ? origin : written.error().text});
}

// ---- between the two

Bytes Machine::refused_to_spare(const std::string& why) {
  warn_daily("refused", "the spare: " + why);
  Writer out;
  out.text(origin());
  out.text("");
  out.text("");
  out.text(std::string_view(why).substr(0, refusal_bytes_max));
  return out.take();
}

Bytes Machine::answer_to_spare(ByteView bytes) {
  const auto word = read_word(bytes);
  if (!word) return {};
  // Two machines on loopback (of a test, or a bench) differ by their ports alone.
  const bool is_ours = std::ranges::any_of(word->names, [&](const std::string& name) {
    const bool is_in = std::ranges::any_of(names_, [&](const std::string& own) { return is_same_name(own, name); });
    return is_in && (!edge::is_loopback(name) || word->origin == origin());
  });
  const std::lock_guard lock(mutex_);
  if (is_ours)
    return refused_to_spare(
        fmt::format("it calls itself {}, which is an address of the store's machine; give it one of its own with "
                    "--tills or --tills-name",
                    word->origin));
  // Tried whether it is wanted or not: tills are sent nowhere that the store's certificate could not stand for.
  std::string leaf;
  if (authority_) {
    auto made = issue(*authority_, word->public_key, word->names, clock_.now());
    if (!made) return refused_to_spare(made.error().text);
    if (word->needs_certificate) log_({"issued", "a certificate for the spare at " + word->origin});
    if (word->needs_certificate) leaf = std::move(*made);
  }
  set_other(word->origin);
  Writer out;
  out.text(origin());
  out.text(leaf);
  out.text(authority_ ? authority_->certificate : std::string());
  if (!authority_ && word->needs_certificate)
    out.text("the store's machine has no authority that could sign for a spare; its log says why");
  return out.take();
}

bool Machine::wants_certificate() const {
  const std::lock_guard lock(mutex_);
  return is_due(leaf_, key_.public_key, names_, clock_.now());
}
Bytes Machine::word_to_node() {
  const std::lock_guard lock(mutex_);
  Writer out;
  out.text(origin());
  out.text(key_.public_key);
  out.u8(wants_certificate() ? 1 : 0);
  out.u32(static_cast<std::uint32_t>(names_.size()));
  for (const std::string& name : names_) out.text(name);
  return out.take();
}

void Machine::take_word_of_node(ByteView bytes) {
  Reader in(bytes);
  const std::string origin = in.text(), leaf = in.text(), authority = in.text();
  const std::string why = in.ok() && in.left() > 0 ? as_plain(in.text()) : std::string();
  if (!in.at_end() || !is_origin(origin) || why.size() > refusal_bytes_max)
    return log_({"refused", "what the node says about tills cannot be read"});
  const std::lock_guard lock(mutex_);
  set_other(origin);
  refusal_.clear();
  if (!why.empty()) {
    refusal_ = "the store's machine refuses this spare: " + why;
    return warn_daily("refused", refusal_);
  }
  if (!leaf.empty()) {
    const Status taken = take_leaf(leaf);
    if (taken) return log_({"certificate", "from the store's node"});
    refusal_ = taken.error().text;
    return warn_daily("refused", refusal_);
  }
  // The node has another authority by now (it was rebuilt): what this machine shows would be trusted by no new till.
  if (const auto known = authority_of(leaf_); !authority.empty() && known && *known != authority) leaf_.clear();
}

// One that the node has made just now.
Status Machine::take_leaf(const std::string& leaf) {
  const Instant now = clock_.now();
  if (!is_due(leaf, key_.public_key, names_, now)) return use_leaf(leaf);
  if (!is_for(leaf, key_.public_key, names_))
    return fail("tills/bad_certificate", "the certificate that the store's machine has made is not for this one");
  HF_TRY_VOID(check_dates(leaf, now));
  return fail("tills/clock",
              fmt::format("this machine's clock says {}; half the time of a certificate that the store's "
                          "machine has made just now is over then. Is the clock right?",
                          to_text(now)));
}

std::string Machine::problem() const {
  const std::lock_guard lock(mutex_);
  const std::string own = problem_of_leaf();
  // A node that cannot renew has half a leaf's time for it; a spare that is refused is told to no till.
  const bool is_refused = !refusal_.empty() && (!settings_.is_node || !own.empty());
  return is_refused ? refusal_ : own;
}
std::string Machine::problem_of_leaf() const {
  if (leaf_.empty())
    return settings_.is_node
               ? "this machine has no certificate for tills"
               : "the store's machine has given this one no certificate for tills; is it linked, and does "
                 "it run with --tills?";
  if (!is_for(leaf_, key_.public_key, names_))
    return "this machine's certificate for tills is for other names than it has now";
  const Status holds = check_dates(leaf_, clock_.now());
  return holds ? std::string() : holds.error().text;
}

// ---- what lies sealed on the spare

Bytes pack_store_copy(ByteView credentials, const std::optional<Authority>& authority) {
  Writer out;
  out.raw(as_bytes(copy_magic));
  out.blob(credentials);
  out.text(authority ? authority->key : std::string());
  out.text(authority ? authority->certificate : std::string());
  return out.take();
}

Result<StoreCopy> unpack_store_copy(ByteView copy) {
  Reader in(copy);
  const bool is_ours = as_text(in.raw(copy_magic.size())) == copy_magic;
  StoreCopy out;
  out.credentials = to_bytes(in.blob());
  Authority authority{in.text(), in.text()};
  if (!is_ours || !in.at_end())
    return fail("people/damaged", "the copy of the list of staff that lies here sealed is damaged");
  if (!authority.key.empty()) out.authority = std::move(authority);
  return out;
}

}  // namespace holdfast::tills
