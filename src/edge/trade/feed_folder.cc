#include "edge/trade/feed_folder.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sodium.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <filesystem>

#include "core/base/text.h"
#include "edge/keys/private_files.h"

namespace holdfast::trade {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t files_max = 1000;  // the newest of an export; nobody moves old exports away before it is too late
constexpr auto pause_min = std::chrono::milliseconds(500);  // between two looks, however busy the folder is

std::int64_t now_ns() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::system_clock::now().time_since_epoch())
      .count();
}

bool is_export_name(std::string_view name) {
  constexpr std::array<std::string_view, 5> never = {".refused.csv", ".part", ".tmp", ".filepart", ".done"};
  constexpr std::array<std::string_view, 5> exports = {".csv", ".csv.zst", ".txt", ".tsv", ".tsv.zst"};
  if (name.starts_with('.') || name.size() > feed::file_bytes_max || !is_clean_text(name)) return false;
  std::string lower(name);
  std::ranges::transform(lower, lower.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  const auto ends = [&](std::string_view end) { return lower.ends_with(end); };
  return std::ranges::none_of(never, ends) && std::ranges::any_of(exports, ends);
}

FileIdentity identity_of(const struct stat& s) {
  const auto ns = [](const timespec& t) { return std::int64_t{t.tv_sec} * 1'000'000'000 + t.tv_nsec; };
  return {s.st_ino, static_cast<std::uint64_t>(s.st_size), ns(s.st_mtim), ns(s.st_ctim)};
}

FileFate fate_of(const Error& error) {
  if (error.code == "feed/waits") return FileFate::waits;
  if (error.code == "feed/changed") return FileFate::settling;
  if (error.code == "feed/older") return FileFate::known;
  if (error.code == "feed/refused" || error.code == "trade/refused") return FileFate::refused;
  if (error.code == "trade/no_file") return FileFate::unreadable;
  if (error.code == "trade/no_node" || error.code == "trade/bad_reply") return FileFate::no_node;
  return FileFate::broken;
}

volatile sig_atomic_t stop_wanted = 0;
void on_stop(int) { stop_wanted = 1; }

Result<std::string> customer_key(const std::string& path) {
  constexpr std::size_t size = 32;
  std::array<unsigned char, size + 1> key;  // one more than there may be, which the reader wants to see free
  if (!fs::exists(path)) {
    randombytes_buf(key.data(), size);
    HF_TRY_VOID(keys::create_private_file(path, std::string_view(reinterpret_cast<const char*>(key.data()), size)));
  }
  HF_TRY(const std::size_t got, keys::read_private_file(path, key.data(), key.size()));
  if (got != size) return fail("feed/no_folder", fmt::format("{} is damaged: delete it; a new one is made.", path));
  return std::string(reinterpret_cast<const char*>(key.data()), size);
}

}  // namespace

std::string_view to_text(FileFate fate) {
  static constexpr std::array<std::string_view, 9> texts = {"taken",  "known",   "elsewhere", "settling",  "waits",
                                                            "broken", "refused", "no node",   "unreadable"};
  return texts[static_cast<std::size_t>(fate)];
}

struct FeedFolder::Candidate {
  std::string path, name, stream;
  FileIdentity identity;
  Instant as_of;
  bool is_settled = false;
  bool is_marked = false;          // as whole, by whoever wrote it
  std::optional<feed::Kind> kind;  // nullopt: its header could not be read, or was not yet
  std::optional<Error> trouble;
};

Result<std::unique_ptr<FeedFolder>> FeedFolder::open(FolderSettings settings) {
  std::unique_ptr<FeedFolder> folder(new FeedFolder(std::move(settings)));
  HF_TRY_VOID(folder->prepare());
  return folder;
}

FeedFolder::~FeedFolder() {
  for (const int fd : {lock_, watch_})
    if (fd >= 0) ::close(fd);
}

Status FeedFolder::prepare() {
  if (!fs::is_directory(settings_.folder))
    return fail("feed/no_folder", fmt::format("{} is no folder that can be read.", settings_.folder));
  const std::string own = settings_.data + "/feed";
  HF_TRY_VOID(keys::make_private_directory(own));
  HF_TRY_VOID(keys::make_private_directory(own + "/accepted"));
  lock_ = ::open((own + "/lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (lock_ < 0 || ::flock(lock_, LOCK_EX | LOCK_NB) != 0)
    return fail("feed/in_use", fmt::format("Another `holdfast feed` runs for {}.", settings_.data));
  site_.limits = settings_.limits;
  HF_TRY(site_.customer_key, customer_key(own + "/customer.key"));
  std::string mapping = settings_.mapping_path;
  if (mapping.empty() && fs::exists(settings_.data + "/feed.toml")) mapping = settings_.data + "/feed.toml";
  if (!mapping.empty()) {
    HF_TRY(const std::string text, keys::read_public_file(mapping, mapping_bytes_max));
    HF_TRY(site_.mapping, read_mapping(text));
  }
  watch_ = ::inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
  if (watch_ >= 0 &&
      ::inotify_add_watch(watch_, settings_.folder.c_str(), IN_CLOSE_WRITE | IN_MOVED_TO | IN_CREATE | IN_DELETE) < 0) {
    ::close(watch_);  // a file system that cannot: it is looked at from time to time
    watch_ = -1;
  }
  return {};
}

// A date in the future (a till's clock, a copy that kept it) says nothing; the entry's change does. Where that lies in
// the future as well, the file server's clock is ahead: then it counts for how long it was seen unchanged.
bool FeedFolder::is_settled(const Candidate& candidate) const {
  const std::chrono::seconds settle(settings_.settle_seconds);
  const FileIdentity& file = candidate.identity;
  const std::int64_t now = now_ns();
  if (file.changed_ns > now && settle.count() > 0) {
    const auto seen = seen_.find(candidate.name);
    return seen != seen_.end() && seen->second.identity == file && Steady::now() - seen->second.since >= settle;
  }
  const std::int64_t touched = file.modified_ns > now ? file.changed_ns : std::max(file.modified_ns, file.changed_ns);
  return now - touched >= std::chrono::nanoseconds(settle).count();
}

// What was read before and has not changed since: a person may have let it in, or the node may think otherwise by now.
bool FeedFolder::is_to_be_read(const Seen& seen) const {
  switch (seen.state.fate) {
    case FileFate::taken:
    case FileFate::known:
    case FileFate::elsewhere:
    case FileFate::broken:
      return false;
    case FileFate::settling:
    case FileFate::no_node:
      return true;
    case FileFate::waits:
    case FileFate::refused:
    case FileFate::unreadable:
      return Steady::now() - seen.read_at >= std::chrono::seconds(settings_.read_again_seconds) ||
             (seen.state.sha256 && fs::exists(accepted_path(*seen.state.sha256)));
  }
  return true;
}

void FeedFolder::read_kind(Candidate& candidate) const {
  const auto before = seen_.find(candidate.name);
  if (before != seen_.end() && before->second.identity == candidate.identity) {
    candidate.kind = before->second.kind;
    candidate.trouble = before->second.trouble;
    if (candidate.kind || (candidate.trouble && fate_of(*candidate.trouble) == FileFate::broken)) return;
  }
  candidate.trouble.reset();
  auto kind = peek_kind(candidate.path, site_.mapping.rule_for(candidate.name));
  if (kind)
    candidate.kind = *kind;
  else
    candidate.trouble = std::move(kind).error();
}

Result<std::vector<FeedFolder::Candidate>> FeedFolder::candidates(std::size_t& older) const {
  std::error_code error;
  std::vector<Candidate> out;
  for (fs::directory_iterator it(settings_.folder, error), end; !error && it != end; it.increment(error)) {
    const std::string name = it->path().filename().string();
    if (!is_export_name(name)) continue;
    Candidate candidate;
    candidate.name = name;
    candidate.path = it->path().string();
    struct stat s {};
    if (::lstat(candidate.path.c_str(), &s) != 0 || !S_ISREG(s.st_mode)) continue;
    candidate.identity = identity_of(s);
    candidate.as_of = Instant{std::min(candidate.identity.modified_ns, candidate.identity.changed_ns)};
    const FileRule& rule = site_.mapping.rule_for(name);
    candidate.stream = rule.stream.empty() ? stream_of(name) : rule.stream;
    out.push_back(std::move(candidate));
  }
  if (error) return fail("feed/no_folder", fmt::format("{} cannot be read: {}.", settings_.folder, error.message()));
  std::ranges::sort(out, [](const Candidate& a, const Candidate& b) {
    return std::tuple(std::string_view(a.stream), b.as_of, std::string_view(b.name)) <
           std::tuple(std::string_view(b.stream), a.as_of, std::string_view(a.name));
  });
  std::string stream;
  std::size_t of_stream = 0;
  older = std::erase_if(out, [&](const Candidate& c) {
    of_stream = c.stream == stream ? of_stream + 1 : 1;
    stream = c.stream;
    return of_stream > files_max;
  });
  for (Candidate& candidate : out) {
    struct stat done {};
    candidate.is_marked = ::lstat((candidate.path + ".done").c_str(), &done) == 0 &&
                          identity_of(done).modified_ns >= candidate.identity.modified_ns;
    candidate.is_settled = candidate.is_marked || is_settled(candidate);
    if (!candidate.is_settled) continue;
    read_kind(candidate);
  }
  // Prices before levels before orders; of each export the newest first.
  std::ranges::sort(out, [](const Candidate& a, const Candidate& b) {
    return std::tuple(a.kind, a.stream, b.as_of, a.name) < std::tuple(b.kind, b.stream, a.as_of, b.name);
  });
  return out;
}

std::string FeedFolder::accepted_path(const Hash& sha256) const {
  return settings_.data + "/feed/accepted/" + to_hex(sha256);
}

FileState FeedFolder::take(const Candidate& candidate, Node& node) {
  const auto fate = [&](FileFate f, std::string text) { return FileState{candidate.name, f, std::move(text), {}}; };
  if (!candidate.is_settled)
    return fate(FileFate::settling, fmt::format("{} is still being written; it is waited for.", candidate.name));
  const auto of_error = [&](const Error& error) {
    const FileFate f = fate_of(error);
    if (f == FileFate::broken) return fate(f, fmt::format("{} is left alone: {}", candidate.name, error.text));
    if (f == FileFate::unreadable)
      return fate(f, fmt::format("{} could not be read and is tried again: {}", candidate.name, error.text));
    return fate(f, error.text);
  };
  if (!candidate.kind) return of_error(*candidate.trouble);
  for (const feed::FeedTaken& each : taken_) {
    if (each.kind != *candidate.kind || each.stream != candidate.stream || each.as_of < candidate.as_of) continue;
    const bool is_this = each.file == candidate.name && each.as_of == candidate.as_of;
    return fate(FileFate::known, is_this
                                     ? fmt::format("{} was taken before.", candidate.name)
                                     : fmt::format("{} is older than {}, which was taken.", candidate.name, each.file));
  }
  auto file = read_feed_file(candidate.path, site_, settings_.data + "/feed");
  if (!file) return of_error(file.error());
  if (file->is_elsewhere && file->kind == feed::Kind::catalogue)
    return fate(FileFate::elsewhere, fmt::format("{} is a catalogue: head office takes it.", candidate.name));
  if (file->is_elsewhere)
    return fate(FileFate::elsewhere, fmt::format("{} names no stock of {}.", candidate.name, site_.about.site));
  if (candidate.is_marked) {
    file->is_unended = false;
    file->last_item.reset();
  }
  const std::string accepted = accepted_path(file->sha256);
  auto outcome = take_feed_file(*file, node, site_.about, fs::exists(accepted));
  const auto refused = close_refused(*file);
  if (!outcome) {
    FileState state = of_error(outcome.error());
    if (state.fate == FileFate::waits || state.fate == FileFate::refused) state.sha256 = file->sha256;
    return state;
  }
  std::error_code ignored;
  fs::remove(accepted, ignored);
  if (outcome->is_known) return fate(FileFate::known, fmt::format("{} was taken before.", candidate.name));
  std::string text =
      fmt::format("{} taken ({} {}, as of {}Z): {} rows, {} held for {}, {} changed, {} skipped, {}.", candidate.name,
                  file->format, feed::to_text(file->kind), to_text(file->as_of).substr(0, 19), file->rows,
                  file->taken(), site_.about.site, outcome->changed, file->skipped, reasons_text(*file));
  text += kept_text(*file);
  if (refused && !refused->empty()) text += fmt::format(" The refused rows, each with its reason: {}", *refused);
  return fate(FileFate::taken, std::move(text));
}

Result<std::vector<FileState>> FeedFolder::pass(Node& node, const std::function<void(const FileState&)>& tell) {
  std::size_t older = 0;
  HF_TRY(const std::vector<Candidate> found, candidates(older));
  std::vector<FileState> states;
  std::map<std::string, Seen> seen;
  std::optional<Error> no_node;
  bool has_asked = false;
  for (const Candidate& candidate : found) {
    const auto before = seen_.find(candidate.name);
    const bool is_same = before != seen_.end() && before->second.identity == candidate.identity;
    const bool is_done = is_same && !is_to_be_read(before->second);
    FileState state;
    if (is_done) {
      state = before->second.state;
    } else {
      if (!has_asked && candidate.is_settled) {
        has_asked = true;
        auto about = node.about();
        auto sites = about ? node.sites() : pass_on(about.error());
        auto taken = sites ? node.taken_files() : pass_on(sites.error());
        if (taken) {
          site_.about = std::move(*about);
          site_.sites = std::move(*sites);
          taken_ = std::move(*taken);
        } else {
          no_node = taken.error();
        }
      }
      state = no_node && candidate.is_settled ? FileState{candidate.name, fate_of(*no_node), no_node->text, {}}
                                              : take(candidate, node);
      if (state.fate == FileFate::taken)
        if (auto taken = node.taken_files()) taken_ = std::move(*taken);
    }
    if (!is_same || before->second.state.text != state.text) tell(state);
    const Steady::time_point now = Steady::now();
    seen.insert_or_assign(candidate.name,
                          Seen{candidate.identity, state, is_same ? before->second.since : now,
                               is_done ? before->second.read_at : now, candidate.kind, candidate.trouble});
    states.push_back(std::move(state));
  }
  seen_ = std::move(seen);
  if (older > 0)
    states.push_back(
        {"(older files)",
         FileFate::known,
         fmt::format("{} files older than the newest {} of their export are not looked at; move away what nobody needs "
                     "any more.",
                     older, files_max),
         {}});
  HF_TRY_VOID(write_status(states));
  return states;
}

Status FeedFolder::write_status(const std::vector<FileState>& states) const {
  std::string json =
      fmt::format("{{\"at\":\"{}\",\"folder\":{},\"files\":[", to_text(Instant{now_ns()}), json_text(settings_.folder));
  for (std::size_t i = 0; i < states.size(); ++i)
    json += fmt::format("{}\n{{\"file\":{},\"fate\":\"{}\",\"text\":{}}}", i == 0 ? "" : ",", json_text(states[i].name),
                        to_text(states[i].fate), json_text(states[i].text));
  json += "\n]}\n";
  const std::string path = settings_.data + "/feed/status.json", part = path + ".part";
  std::FILE* file = std::fopen(part.c_str(), "wbe");
  const bool written = file != nullptr && std::fwrite(json.data(), 1, json.size(), file) == json.size();
  if ((file != nullptr && std::fclose(file) != 0) || !written || std::rename(part.c_str(), path.c_str()) != 0)
    return fail("feed/no_folder", fmt::format("{} cannot be written: {}.", path, std::strerror(errno)));
  return {};
}

// Takes what the kernel tells off its list. What we write ourselves (refused rows) is no reason to look again.
bool FeedFolder::others_changed_it() const {
  bool changed = false;
  alignas(inotify_event) std::array<char, 4096> events;
  for (;;) {
    const ::ssize_t got = watch_ < 0 ? 0 : ::read(watch_, events.data(), events.size());
    if (got <= 0) return changed;
    for (const char* at = events.data(); at < events.data() + got;) {
      inotify_event event{};
      std::memcpy(&event, at, sizeof event);
      const std::string_view name = event.len == 0 ? std::string_view() : std::string_view(at + sizeof event);
      at += sizeof event + event.len;
      changed = changed || name.empty() || is_export_name(name) || name.ends_with(".done");
    }
  }
}

bool FeedFolder::wait(int seconds) {
  sigset_t none, both, before;
  sigemptyset(&none);
  sigemptyset(&both);
  sigaddset(&both, SIGINT);
  sigaddset(&both, SIGTERM);
  ::sigprocmask(SIG_BLOCK, &both, &before);
  const auto rest = [&](nfds_t watches, std::chrono::nanoseconds longest) {
    pollfd poll{watch_, POLLIN, 0};
    const timespec time{longest.count() / 1'000'000'000, longest.count() % 1'000'000'000};
    ::ppoll(&poll, watches, &time, &none);
  };
  const Steady::time_point until = Steady::now() + std::chrono::seconds(seconds);
  while (stop_wanted == 0 && Steady::now() < until) {
    rest(watch_ >= 0 ? 1 : 0, until - Steady::now());
    if (!others_changed_it()) continue;
    if (stop_wanted == 0) rest(0, pause_min);
    break;
  }
  ::sigprocmask(SIG_SETMASK, &before, nullptr);
  return stop_wanted == 0;
}

void stop_feeding_on_signals() {
  struct sigaction action {};
  action.sa_handler = on_stop;
  ::sigaction(SIGINT, &action, nullptr);
  ::sigaction(SIGTERM, &action, nullptr);
}

namespace {

// Only what waits, or was refused, is let in: of another the last look says so. One that was put there since is seen by
// a look first: a person accepts what `feed status` said of it, and whoever may write into the folder could exchange
// it.
Status check_waits(const std::string& path, const std::string& data) {
  namespace json = boost::json;
  const auto text = keys::read_public_file(data + "/feed/status.json", 8u << 20);
  struct stat s {};
  if (!text || ::lstat(path.c_str(), &s) != 0) return {};
  boost::system::error_code error;
  const json::value status = json::parse(*text, error);
  const auto text_of = [](const json::value& value, std::string_view name) {
    const json::object* object = value.if_object();
    const json::value* field = object == nullptr ? nullptr : object->if_contains(name);
    return field != nullptr && field->is_string() ? std::string(field->get_string()) : std::string();
  };
  const auto at = parse_instant(text_of(status, "at"));
  const json::object* object = status.if_object();
  const json::value* files = object == nullptr ? nullptr : object->if_contains("files");
  const FileIdentity file = identity_of(s);
  // A file server's clock may be ahead; then nobody can tell.
  if (at && file.changed_ns >= at->unix_ns && file.changed_ns <= now_ns())
    return fail("feed/not_looked_at",
                fmt::format("{} has changed since the look of {}Z, so nobody knows yet why it waits, or whether. Let "
                            "`holdfast feed` look again (it does so every half minute), read `holdfast feed status`, "
                            "and accept it then.",
                            path, to_text(*at).substr(0, 19)));
  if (!at || files == nullptr || !files->is_array() || std::max(file.modified_ns, file.changed_ns) >= at->unix_ns)
    return {};
  for (const json::value& each : files->get_array()) {
    if (text_of(each, "file") != fs::path(path).filename().string()) continue;
    const std::string fate = text_of(each, "fate");
    for (const FileFate settled :
         {FileFate::taken, FileFate::known, FileFate::elsewhere, FileFate::broken, FileFate::unreadable})
      if (fate == to_text(settled))
        return fail("feed/not_waiting",
                    fmt::format("It does not wait for a person, so there is nothing to let in. The look of {}Z: {}: {}",
                                to_text(*at).substr(0, 19), fate, text_of(each, "text")));
  }
  return {};
}

}  // namespace

Result<Hash> accept_feed_file(const std::string& path, const std::string& data) {
  HF_TRY_VOID(check_waits(path, data));
  HF_TRY(const Hash hash, hash_feed_file(path));
  HF_TRY_VOID(keys::make_private_directory(data + "/feed"));
  HF_TRY_VOID(keys::make_private_directory(data + "/feed/accepted"));
  const std::string marker = data + "/feed/accepted/" + to_hex(hash);
  if (!fs::exists(marker)) HF_TRY_VOID(keys::create_private_file(marker, fs::path(path).filename().string() + "\n"));
  return hash;
}

}  // namespace holdfast::trade
