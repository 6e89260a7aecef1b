#include "edge/guard/watch.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <future>
#include <system_error>

#include "core/base/read_file.h"
#include "edge/guard/alert_json.h"
#include "edge/http/json_out.h"
#include "edge/http/text.h"
#include "edge/keys/private_files.h"
#include "edge/posix/posix_disk.h"

namespace holdfast::guard {
namespace {

constexpr std::size_t readers_max = 16;
constexpr int tick_ms = 250;
constexpr std::size_t refusals_a_tick_max = 300;
// So that no sensor, however fast it writes, keeps tripwires and the others waiting: what is read of each in a round …
constexpr int datagrams_a_round_max = 64;
constexpr int lines_a_datagram_max = 256;
constexpr std::size_t read_bytes = 16u << 10;
// … and what the node has not judged yet, which is never what a tripwire says.
constexpr int waiting_alerts_max = 2000;
constexpr auto helper_retry = std::chrono::seconds(5);

Result<edge::Descriptor> bind_socket(const std::string& path, int type) {
  sockaddr_un at{};
  at.sun_family = AF_UNIX;
  if (path.size() >= sizeof at.sun_path)
    return fail("guard/bad_socket",
                fmt::format("{} is too long for a socket's path ({} bytes at most)", path, sizeof at.sun_path - 1));
  std::memcpy(at.sun_path, path.data(), path.size());
  edge::Descriptor fd(::socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  struct stat is {};
  if (::lstat(path.c_str(), &is) == 0 && S_ISSOCK(is.st_mode)) {
    const edge::Descriptor other(::socket(AF_UNIX, type | SOCK_CLOEXEC, 0));
    if (::connect(other.get(), reinterpret_cast<const sockaddr*>(&at), sizeof at) == 0)
      return fail("guard/bad_socket",
                  fmt::format("another program listens at {}; give this site another path in guard.toml", path));
    ::unlink(path.c_str());  // left over by a process that is gone
  }
  if (!fd.valid() || ::bind(fd.get(), reinterpret_cast<const sockaddr*>(&at), sizeof at) != 0)
    return fail("guard/bad_socket",
                fmt::format("{} cannot be listened at: {}", path, std::generic_category().message(errno)));
  ::chmod(path.c_str(), 0660);
  if (type == SOCK_STREAM && ::listen(fd.get(), 16) != 0)
    return fail("guard/bad_socket",
                fmt::format("{} cannot be listened at: {}", path, std::generic_category().message(errno)));
  return fd;
}

}  // namespace

Result<Config> read_config(const std::string& data) {
  const std::string path = fmt::format("{}/{}", data, config_path);
  auto text = keys::read_public_file(path, config_bytes_max);
  if (!text && text.error().code != "keys/not_found") return pass_on(std::move(text).error());
  return parse_config(text ? std::optional(std::move(*text)) : std::nullopt, path);
}

Watch::Watch(Parts parts, Config config)
    : parts_(std::move(parts)), config_(std::move(config)), inside_(config_.inside, parts_.attached) {}

Result<std::unique_ptr<Watch>> Watch::open(Parts parts, node::Node& node) {
  Config config = std::move(parts.config);
  std::unique_ptr<Watch> watch(new Watch(std::move(parts), std::move(config)));
  HF_TRY_VOID(watch->open_socket());
  HF_TRY_VOID(watch->open_token());
  watch->wake_ = edge::Descriptor(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  watch->files_ = std::make_unique<SensorFiles>(watch->config_.eve_files, watch->parts_.clock, watch->parts_.log,
                                                watch->parts_.open_file);
  watch->wires_ = std::make_unique<Tripwires>(Tripwires::Settings{.data = watch->parts_.data,
                                                                  .site = node.safety().origin.site.str(),
                                                                  .canaries = watch->config_.canaries,
                                                                  .journal = watch->config_.watch_journal,
                                                                  .keys = watch->config_.watch_keys,
                                                                  .look_at_canary = watch->parts_.look_at_canary});
  if (watch->config_.inside.empty() && !watch->parts_.attached())
    watch->parts_.log.warn("inside-unknown", {{"why",
                                               "this machine's networks are not told (netlink), and a seal would shut "
                                               "its tills out. Name them: [seal] inside"}});
  if (watch->wires_->weak()) watch->parts_.log.warn("tripwires-weak", {{"why", "fanotify is not to be had here"}});
  node.set_rules(watch->config_.rules);
  node.on_posture([raw = watch.get()](Posture posture) { raw->on_posture(posture); });
  if (is_tight(node.posture().posture)) watch->on_posture(node.posture().posture);
  return watch;
}

Status Watch::open_socket() {
  if (config_.socket.empty()) return {};
  HF_TRY(stream_, bind_socket(config_.socket, SOCK_STREAM));
  HF_TRY(datagrams_, bind_socket(config_.socket + ".dgram", SOCK_DGRAM));
  return {};
}

Status Watch::open_token() {
  HF_TRY(const auto disk, edge::PosixDisk::open_root(parts_.data));
  HF_TRY(const auto known, read_if_there(*disk, token_path));
  if (known) {
    const std::string_view text = as_text(*known);
    token_ = std::string(text.substr(0, text.find('\n')));
    if (token_.size() >= 32) return {};
  }
  ByteArray<32> random;
  parts_.entropy.fill(random);
  token_ = to_hex(random);
  return disk->write_all(token_path, as_bytes(token_ + "\n"));
}

Watch::~Watch() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  const std::uint64_t one = 1;
  if (wake_.valid()) static_cast<void>(!::write(wake_.get(), &one, sizeof one));
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
  if (sealer_.joinable()) sealer_.join();
  if (!config_.socket.empty()) {
    ::unlink(config_.socket.c_str());
    ::unlink((config_.socket + ".dgram").c_str());
  }
}

void Watch::start() {
  thread_ = std::thread([this] { run(); });
  sealer_ = std::thread([this] { seal_loop(); });
}

bool Watch::is_token(std::string_view token) const { return http::same_secret(token, token_); }

// ---- what comes in

void Watch::raise(Alert alert) {
  ++waiting_alerts_;
  parts_.access.change([this, alert = std::move(alert), at = parts_.clock.monotonic()](node::Node& node) mutable {
    --waiting_alerts_;
    line_read_at_ = at;
    node.raise(std::move(alert));
    line_read_at_ = {};
  });
}

Status Watch::take(const std::string& webhook, std::string_view line) {
  if (webhook.empty()) {
    HF_TRY(std::optional<Alert> alert, read_eve(line));
    if (alert) raise(std::move(*alert));
    return {};
  }
  const Mapping* mapping = config_.webhook(webhook);
  if (mapping == nullptr)
    return fail("guard/unknown_webhook", fmt::format("guard.toml has no webhook \"{}\"", webhook.substr(0, 40)));
  HF_TRY(Alert alert, read_mapped(*mapping, line));
  raise(std::move(alert));
  return {};
}

void Watch::take_line(std::string_view line) {
  if (const Status taken = take("", line); !taken && bad_lines_++ % 1000 == 0)
    parts_.log.warn("bad-alert", {{"why", taken.error().text}, {"so_far", std::to_string(bad_lines_)}});
}

void Watch::read_datagrams() {
  char buffer[64 << 10];
  for (int i = 0; i < datagrams_a_round_max && !is_behind(); ++i) {
    const ssize_t n = ::recv(datagrams_.get(), buffer, sizeof buffer, 0);
    if (n <= 0) return;
    std::string_view rest(buffer, static_cast<std::size_t>(n));
    for (int lines = 0; !rest.empty() && lines < lines_a_datagram_max; ++lines) {
      const std::size_t end = std::min(rest.find('\n'), rest.size());
      if (end > 0) take_line(rest.substr(0, end));
      rest.remove_prefix(std::min(end + 1, rest.size()));
    }
  }
}

// False: it has ended, or must.
bool Watch::read_stream(Reader& reader) {
  char buffer[read_bytes];
  const ssize_t n = ::recv(reader.fd.get(), buffer, sizeof buffer, 0);
  if (n < 0) return errno == EAGAIN;
  if (n == 0) return false;
  reader.half.append(buffer, static_cast<std::size_t>(n));
  std::size_t begin = 0;
  for (std::size_t end = reader.half.find('\n'); end != std::string::npos; end = reader.half.find('\n', begin)) {
    if (end > begin) take_line(std::string_view(reader.half).substr(begin, end - begin));
    begin = end + 1;
  }
  reader.half.erase(0, begin);
  return reader.half.size() <= alert_bytes_max;
}

void Watch::read_sockets() {
  if (datagrams_.valid()) read_datagrams();
  if (stream_.valid())
    for (std::size_t i = 0; i < readers_max; ++i) {
      const int fd = ::accept4(stream_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
      if (fd < 0) break;
      if (readers_.size() >= readers_max) readers_.erase(readers_.begin());  // the oldest; its sensor comes again
      readers_.push_back({edge::Descriptor(fd), {}});
    }
  std::erase_if(readers_, [&](Reader& reader) { return !is_behind() && !read_stream(reader); });
}

bool Watch::is_behind() const { return waiting_alerts_ >= waiting_alerts_max; }

void Watch::look_at_wires() {
  for (Touched& each : wires_->take()) {
    Alert alert{std::string(tripwire_source), each.signature,    1, "", each.text,
                sha256(as_bytes(each.text)),  parts_.clock.now()};
    raise(std::move(alert));
  }
  for (const Canaries::News& each : wires_->news())
    parts_.log.warn(each.event, {{"path", each.path}, {"why", each.why}, {"do", each.what_to_do}});
}

void Watch::count_refusals() {
  for (const auto& [counter, signature] :
       {std::pair(&refused_requests_, "refused-request"), std::pair(&failed_sign_ins_, "sign-in-failed")}) {
    const std::size_t count = std::min<std::uint64_t>(counter->exchange(0), refusals_a_tick_max);
    if (count == 0) continue;
    Alert alert{std::string(tripwire_source),
                signature,
                3,
                "",
                fmt::format("{} at this node's API", signature),
                {},
                parts_.clock.now()};
    alert.digest = sha256(as_bytes(alert.text));
    parts_.access.change([alert, count](node::Node& node) {
      for (std::size_t i = 0; i < count; ++i) node.raise(alert);
    });
  }
}

void Watch::run() {
  Instant wires_at, counted_at;
  bool more = false;
  while (!stopping_) {
    std::vector<pollfd> waits;
    for (const int fd : {wake_.get(), files_->descriptor(), stream_.get(), datagrams_.get()})
      waits.push_back({fd, POLLIN, 0});
    const std::vector<int> wires = wires_->descriptors();
    for (const int fd : wires) waits.push_back({fd, POLLIN, 0});
    for (const Reader& reader : readers_) waits.push_back({reader.fd.get(), POLLIN, 0});
    // What is behind would be readable all the time; it waits in files and sockets for the node.
    if (is_behind()) std::this_thread::sleep_for(std::chrono::milliseconds(5));
    ::poll(waits.data(), waits.size(), more ? 0 : tick_ms);
    if (stopping_) return;
    if (waits[1].revents != 0) files_->clear_news();
    more = files_->read([&] { return is_behind(); }, [&](std::string_view line) { take_line(line); });
    read_sockets();
    const Instant now = parts_.clock.monotonic();
    bool touched = now - wires_at >= seconds(1);
    for (std::size_t i = 0; i < wires.size(); ++i) touched = touched || waits[4 + i].revents != 0;
    if (touched) {
      wires_at = now;
      look_at_wires();
    }
    if (now - counted_at >= milliseconds(tick_ms)) {
      counted_at = now;
      count_refusals();
    }
  }
}

// ---- what is done about a seal

// On the node's thread, with every link ended.
void Watch::on_posture(Posture posture) {
  if (parts_.on_tight) parts_.on_tight(is_tight(posture));
  if (posture == Posture::open) refused_requests_ = failed_sign_ins_ = 0;  // they came before somebody opened
  const std::lock_guard lock(mutex_);
  const Posture before = std::exchange(posture_, posture);
  const bool seals = posture == Posture::sealed;
  if (seals && !is_sealed_) inside_.begin(parts_.clock.monotonic());
  is_sealed_ = seals;
  if (!seals && before != Posture::sealed) return;
  order(posture, line_read_at_);
}

// Under mutex_.
void Watch::order(Posture posture, Instant line_read_at) {
  Seal seal;
  seal.is_sealed = posture == Posture::sealed;
  seal.at = parts_.clock.monotonic();
  seal.by_alert = line_read_at.unix_ns != 0;
  seal.asked_at = seal.by_alert ? line_read_at : seal.at;
  seal_ = seal;
  ordered_ = posture;
  changed_.notify_all();
}

void Watch::seal_loop() {
  bool is_asked = config_.sealer.empty();
  while (true) {
    if (!is_asked) is_asked = end_seal_left_over();
    Posture posture;
    {
      std::unique_lock lock(mutex_);
      const auto due = [&] { return stopping_ || ordered_; };
      if (is_asked) changed_.wait(lock, due);
      if (!is_asked && !changed_.wait_for(lock, helper_retry, due)) continue;
      if (stopping_) return;
      posture = *std::exchange(ordered_, std::nullopt);
    }
    if (carry_out(posture)) continue;
    // Asked again until it is done: else the filter would be missing for the whole seal, or stay behind it.
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, helper_retry, [&] { return stopping_ || ordered_; });
    if (!ordered_) ordered_ = posture;
  }
}

// A seal may have ended while no node ran (`holdfast unseal` without one), or without the helper having heard of it:
// the filter would stay for good, since nothing changes any more. False: the helper does not answer yet.
bool Watch::end_seal_left_over() {
  if (is_sealed_) return true;
  const auto helper = ask_helper(config_.sealer, "status");
  if (!helper) {
    // Before the bad night, and not on it.
    if (!std::exchange(is_silence_told_, true))
      parts_.log.warn("seal-helper-silent",
                      {{"why", helper.error().text}, {"what", "a seal would set no packet filter; see guard.md"}});
    return false;
  }
  const std::lock_guard lock(mutex_);
  if (*helper == "sealed" && !is_sealed_ && !ordered_) {
    parts_.log.warn("seal-left-over",
                    {{"what", "the helper is asked to take away the filter of a seal that has ended"}});
    order(posture_, {});
  }
  return true;
}

// Until the record of the posture is durable; false: the node has ended.
bool Watch::wait_recorded() {
  while (!stopping_) {
    auto told = std::make_shared<std::promise<bool>>();
    auto answer = told->get_future();
    parts_.access.read([told](const node::Node& node) { told->set_value(node.posture().recorded); });
    told.reset();
    try {
      if (answer.get()) return true;
    } catch (const std::future_error&) {  // the node has ended; nobody answers any more
      return false;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return false;
}

// False: the helper is to be asked again.
bool Watch::carry_out(Posture posture) {
  const bool seals = posture == Posture::sealed;
  const auto helper = ask_helper(config_.sealer, seals ? "seal" : "unseal");
  if (!wait_recorded()) return true;
  Seal done;
  {
    const std::lock_guard lock(mutex_);
    if (!seal_ || ordered_) return true;  // the next order is there already
    Seal next = *seal_;
    next.helper = helper ? (helper->empty() ? "done" : *helper) : "";
    // "sealed, not kept over a restart: …": done, and something beside it is not.
    next.not_done = !helper                                       ? helper.error().text
                    : helper->find(", not ") != std::string::npos ? helper->substr(helper->find(", ") + 2)
                                                                  : "";
    if (next.done_at && next.not_done == seal_->not_done) return false;  // the same reason again: told once
    next.done_at = parts_.clock.monotonic();
    seal_ = done = next;
  }
  tell_sealed(done);
  if (!helper) return config_.sealer.empty();
  if (!seals) return true;
  std::vector<Probed> targets = parts_.peers;
  for (const std::string& address : config_.probes) targets.push_back({"outside", address});
  std::vector<Probed> probed = probe(std::move(targets), seconds(1));
  const std::lock_guard lock(mutex_);
  if (!seal_ || ordered_ || !seal_->is_sealed) return true;
  seal_->probed = std::move(probed);
  seal_->was_probed = true;
  parts_.log.info("seal-probed", {{"summary", summary(*seal_)}});
  return true;
}

void Watch::tell_sealed(const Seal& seal) {
  const auto ms = [](Duration d) { return fmt::format("{:.3f}", static_cast<double>(d.ns) / 1e6); };
  parts_.log.warn(seal.is_sealed ? "sealed" : "unsealed", {{"by", seal.by_alert ? "alert" : "order"},
                                                           {"links_ended_ms", ms(seal.at - seal.asked_at)},
                                                           {"all_done_ms", ms(*seal.done_at - seal.asked_at)},
                                                           {"summary", summary(seal)}});
}

std::string Watch::summary(const Seal& seal) {
  if (!seal.done_at)
    return seal.is_sealed ? "Links have ended; the record and the packet filter are under way." : "Opening.";
  if (!seal.is_sealed)
    return seal.helper.empty() ? "The packet filter was not asked or did not answer: " + seal.not_done + "."
                               : "The packet filter is as before the seal.";
  if (seal.helper.empty())
    return fmt::format(
        "The application refuses everything by itself. Not done: the host's packet filter is not set ({}). "
        "Other programs on this machine still reach the network.",
        seal.not_done);
  const std::string not_done = seal.not_done.empty() ? "" : fmt::format(" Not done: {}.", seal.not_done);
  if (!seal.was_probed) return "The packet filter is set; the probe from our end is under way." + not_done;
  return told(seal.probed) + not_done;
}

bool Watch::shuts_out(std::string_view address) const {
  if (!is_sealed_) return false;
  const std::lock_guard lock(mutex_);
  return !inside_.holds(address, parts_.clock.monotonic());
}

std::string Watch::proof() const {
  const std::lock_guard lock(mutex_);
  if (!seal_) return {};
  const Seal& seal = *seal_;
  http::JsonOut out;
  out.object().field("state", !seal.done_at ? "ending" : seal.is_sealed ? "sealed" : "open");
  out.field("packet_filter", seal.helper.empty() ? "not set" : seal.is_sealed ? "set" : "as before");
  out.field("not_done", seal.not_done);
  out.field("links_ended_us", (seal.at - seal.asked_at).ns / 1000);
  out.field("all_done_us", seal.done_at ? std::optional((*seal.done_at - seal.asked_at).ns / 1000) : std::nullopt);
  out.field("our_end", to_text(seal.was_probed ? our_end(seal.probed) : OurEnd::not_proved));
  out.field("was_probed", seal.was_probed);
  out.array("probed");
  for (const Probed& each : seal.probed)
    out.object()
        .field("name", each.name)
        .field("address", each.address)
        .field("dialled", each.dialled)
        .field("answered", each.answered)
        .end_object();
  out.end_array().field("summary", summary(seal));
  return out.end_object().take();
}

}  // namespace holdfast::guard
