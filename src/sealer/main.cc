// holdfast-sealer: the one privileged thing in Holdfast. It loads one fixed rule set into the host's packet filter, or
// takes it away, when the node asks; it does nothing else, and it is small enough to be read in one sitting.
//
// Why it is fixed: whoever has taken the node can ask this program for anything it can do. So it can do two things, and
// neither lets anybody in. No rule, address or interface comes over its socket; addresses come from a file that only
// root can write.
//
// Shape:  a Unix socket; one word and one answer a connection: "seal", "unseal", "status" -> "ok …" or "no …". Who asks
//         is told by the kernel (SO_PEERCRED): the configured user, or root; `unseal root` in the file keeps opening
//         for root. What is loaded looks at each packet and at no connection state, so connections that were
//         established before are worth nothing after it, and there is no table of connections to flush. It hooks in
//         before connection tracking and before every other table; what it drops, no other rule brings back.
//         A marker file brings the seal back after a restart of the machine, before the network is up (the unit's
//         ordering). While it is sealed it looks once a second whether the rules are still there: who loads the host's
//         own firewall anew (`flush ruleset`) takes away those of all others as well.
//         `--ask VERB` says one word to the helper that runs, and prints its answer.
// Errors: exit 1 with one sentence when it cannot start, or when what was asked for is not done.
// Source: docs/guard.md; libnftables(3), nft(8).
#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <net/if.h>
#include <nftables/libnftables.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

namespace {

// The rule set. Three lists are filled in from the root-owned file: interfaces of the shop's own network, and addresses
// of its tills, spare and payment terminal, IPv4 and IPv6. Everything else is dropped, in both directions and in
// transit. The two first lines make the load atomic whether the table is there or not.
constexpr std::string_view rule_set = R"nft(
add table inet holdfast_seal
delete table inet holdfast_seal
table inet holdfast_seal {
  set shop { type ifname; @SHOP@ }
  set inside4 { type ipv4_addr; flags interval; auto-merge; @INSIDE4@ }
  set inside6 { type ipv6_addr; flags interval; auto-merge; @INSIDE6@ }
  chain in {
    type filter hook prerouting priority -310; policy drop;
    iifname "lo" accept
    iifname @shop ip saddr @inside4 accept
    iifname @shop ip6 saddr @inside6 accept
    iifname @shop icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept
  }
  chain out {
    type filter hook output priority -310; policy drop;
    oifname "lo" accept
    oifname @shop ip daddr @inside4 accept
    oifname @shop ip6 daddr @inside6 accept
    oifname @shop icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept
  }
  chain through {
    type filter hook forward priority -310; policy drop;
  }
}
)nft";
constexpr std::string_view take_away = "add table inet holdfast_seal\ndelete table inet holdfast_seal\n";

struct Options {
  std::string socket = "/run/holdfast/sealer.sock";
  std::string config = "/etc/holdfast/sealer.conf";
  std::string marker = "/var/lib/holdfast-sealer/sealed";
  std::string ask;  // empty: serve
};
struct Config {
  std::vector<std::string> shop, inside4, inside6;
  std::optional<uid_t> user;
  bool unseal_root_only = false;
};
constexpr int look_every_ms = 1000;  // while sealed

[[noreturn]] void end(const std::string& why) {
  fmt::print(stderr, "holdfast-sealer: {}\n", why);
  std::exit(1);
}
std::string reason() { return std::generic_category().message(errno); }

// "192.168.1.7", "192.168.1.0/24", "fd00::/64": which family, or 0. Nothing but digits and marks reaches the rules.
int family_of(const std::string& text) {
  const std::size_t slash = text.find('/');
  const std::string address = text.substr(0, slash);
  in6_addr ignored;
  const int family = ::inet_pton(AF_INET, address.c_str(), &ignored) == 1    ? AF_INET
                     : ::inet_pton(AF_INET6, address.c_str(), &ignored) == 1 ? AF_INET6
                                                                             : 0;
  if (family == 0 || slash == std::string::npos) return family;
  const std::string bits = text.substr(slash + 1);
  if (bits.empty() || bits.size() > 3 || bits.find_first_not_of("0123456789") != std::string::npos) return 0;
  const int most = family == AF_INET ? 32 : 128;
  const int length = std::stoi(bits);
  return length >= (family == AF_INET ? 8 : 32) && length <= most ? family : 0;  // never half the internet
}
bool is_interface(const std::string& name) {
  return !name.empty() && name.size() < 16 && name != "lo" &&
         name.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.@:") ==
             std::string::npos;
}

// Root's own file, which nobody else can write; else it is not read at all.
std::string read_own(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  struct stat is {};
  if (fd < 0 || ::fstat(fd, &is) != 0) end(fmt::format("{} cannot be read: {}", path, reason()));
  if (!S_ISREG(is.st_mode) || is.st_uid != 0 || (is.st_mode & 022) != 0 || is.st_size > 65536)
    end(fmt::format("{} must be a file of root that nobody else can write (chown root, chmod 644)", path));
  std::string text(static_cast<std::size_t>(is.st_size), '\0');
  const ssize_t n = ::read(fd, text.data(), text.size());
  ::close(fd);
  if (n != is.st_size) end(fmt::format("{} changed while it was read", path));
  return text;
}

Config read_config(const std::string& path) {
  Config config;
  std::istringstream in(read_own(path));
  std::string line;
  for (int number = 1; std::getline(in, line); ++number) {
    std::istringstream words(line.substr(0, line.find('#')));
    std::string word, value, more;
    if (!(words >> word)) continue;
    const auto bad = [&](std::string_view what) { end(fmt::format("{}:{}: {}", path, number, what)); };
    if (!(words >> value) || words >> more) bad("write one word and one value a line");
    if (word == "shop") {
      if (!is_interface(value)) bad("that is no name of an interface");
      config.shop.push_back(value);
    } else if (word == "inside") {
      const int family = family_of(value);
      if (family == 0) bad("write an address, or a network no wider than /8 (IPv4) or /32 (IPv6)");
      (family == AF_INET ? config.inside4 : config.inside6).push_back(value);
    } else if (word == "user") {
      const passwd* who = ::getpwnam(value.c_str());
      if (who == nullptr) bad("there is no such user on this machine");
      config.user = who->pw_uid;
    } else if (word == "unseal") {
      if (value != "root" && value != "user") bad("write \"unseal root\" or \"unseal user\"");
      config.unseal_root_only = value == "root";
    } else {
      bad("known words: shop, inside, user, unseal");
    }
  }
  if (!config.user) end(fmt::format("{}: nobody may ask: write a line \"user holdfast\"", path));
  return config;
}

// Neither is wrong everywhere: head office has no tills, and an interface may come later.
void warn_of(const Config& config) {
  if (config.shop.empty() || (config.inside4.empty() && config.inside6.empty()))
    fmt::print("no shop or no inside in the file: a seal lets no till in\n");
  for (const std::string& name : config.shop)
    if (::if_nametoindex(name.c_str()) == 0) fmt::print("shop {}: there is no such interface now\n", name);
}

std::string elements(const std::vector<std::string>& items, bool quoted) {
  if (items.empty()) return "";
  std::string out = "elements = { ";
  for (std::size_t i = 0; i < items.size(); ++i)
    out += (i > 0 ? ", " : "") + (quoted ? "\"" + items[i] + "\"" : items[i]);
  return out + " }";
}
void put(std::string& text, std::string_view mark, const std::string& value) {
  text.replace(text.find(mark), mark.size(), value);
}
std::string rules_for(const Config& config) {
  std::string text(rule_set);
  put(text, "@SHOP@", elements(config.shop, true));
  put(text, "@INSIDE4@", elements(config.inside4, false));
  put(text, "@INSIDE6@", elements(config.inside6, false));
  return text;
}

// One transaction: all of it or nothing. Empty: done; else why not.
std::string load(const std::string& commands, std::string* told = nullptr) {
  const std::unique_ptr<nft_ctx, decltype(&nft_ctx_free)> nft(nft_ctx_new(NFT_CTX_DEFAULT), &nft_ctx_free);
  if (!nft) return "libnftables gives no context";
  nft_ctx_buffer_output(nft.get());
  nft_ctx_buffer_error(nft.get());
  const int failed = nft_run_cmd_from_buffer(nft.get(), commands.c_str());
  if (told != nullptr) *told = nft_ctx_get_output_buffer(nft.get());
  if (failed == 0) return {};
  std::string why = nft_ctx_get_error_buffer(nft.get());
  for (char& c : why)
    if (c == '\n') c = ' ';
  return why.empty() ? "the kernel refuses" : why.substr(0, 300);
}

bool is_sealed() {
  std::string told;
  return load("list table inet holdfast_seal", &told).empty() && told.find("hook output") != std::string::npos;
}

// Makes the entry in its directory durable. Empty: done; else why not.
std::string sync_directory_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  const std::string directory = slash == std::string::npos ? "." : slash == 0 ? "/" : path.substr(0, slash);
  const int fd = ::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const bool done = fd >= 0 && ::fsync(fd) == 0;
  const std::string why = done ? "" : fmt::format("{}: {}", directory, reason());
  if (fd >= 0) ::close(fd);
  return why;
}
std::string keep_marker(const std::string& path) {
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0) return fmt::format("{}: {}", path, reason());
  constexpr std::string_view text = "sealed\n";
  const bool done = ::write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size()) && ::fsync(fd) == 0;
  const std::string why = done ? "" : fmt::format("{}: {}", path, reason());
  ::close(fd);
  return done ? sync_directory_of(path) : why;
}
std::string remove_marker(const std::string& path) {
  if (::unlink(path.c_str()) != 0) return errno == ENOENT ? "" : fmt::format("{}: {}", path, reason());
  return sync_directory_of(path);
}

class Sealer {
 public:
  // Rules that stand while it starts are a seal that could not be kept over a restart: they are held as well.
  Sealer(Options options, Config config)
      : options_(std::move(options)), config_(std::move(config)), holds_(is_sealed()) {}

  std::string seal() {
    // First the filter, then the marker: nothing waits for a disk.
    if (const std::string why = load(rules_for(config_)); !why.empty()) return "no " + why;
    holds_ = true;
    const std::string not_kept = keep_marker(options_.marker);
    if (!is_sealed()) return "no the kernel does not show the rules";
    // Sealed is sealed; that a power cut would open it is told beside it.
    return not_kept.empty() ? "ok sealed" : "ok sealed, not kept over a restart: " + not_kept;
  }
  std::string unseal() {
    if (const std::string why = load(std::string(take_away)); !why.empty()) return "no " + why;
    holds_ = false;
    // Said to be open it must not be sealed again by the next restart.
    if (const std::string why = remove_marker(options_.marker); !why.empty())
      return "no the filter is taken away, and yet the next restart would seal again: " + why;
    return "ok open";
  }
  std::string answer(std::string_view verb, const ucred& who) {
    if (verb == "seal") return seal();
    if (verb == "status") return is_sealed() ? "ok sealed" : "ok open";
    if (verb == "unseal" && config_.unseal_root_only && who.uid != 0)
      return holds_ || is_sealed() ? "no only root unseals here (as root: holdfast-sealer --ask unseal)" : "ok open";
    if (verb == "unseal") return unseal();
    return "no such word; seal, unseal, status";
  }
  [[noreturn]] void serve(int listening);
  int listen();

 private:
  bool may_ask(uid_t uid) const { return uid == 0 || uid == config_.user; }
  void put_back_if_gone();
  void hear(int caller);

  Options options_;
  Config config_;
  bool holds_ = false;  // a seal is on; the marker may be missing (a full disk), or stay (unseal() could not remove it)
  std::string told_last_;  // a node asks again until it is done: each answer is in the log once
};

sockaddr_un address_of(const std::string& socket) {
  sockaddr_un at{};
  at.sun_family = AF_UNIX;
  if (socket.size() >= sizeof at.sun_path) end("the path of the socket is too long");
  std::memcpy(at.sun_path, socket.data(), socket.size());
  return at;
}

int Sealer::listen() {
  const sockaddr_un at = address_of(options_.socket);
  ::unlink(options_.socket.c_str());
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  ::umask(0177);  // the node's user and root alone: the sensor's user is of the node's group (docs/guard.md)
  if (fd < 0 || ::bind(fd, reinterpret_cast<const sockaddr*>(&at), sizeof at) != 0 || ::listen(fd, 8) != 0)
    end(fmt::format("{} cannot be listened at: {}", options_.socket, reason()));
  if (::lchown(options_.socket.c_str(), *config_.user, 0) != 0) end(fmt::format("{}: {}", options_.socket, reason()));
  return fd;
}

void Sealer::put_back_if_gone() {
  if (!holds_ || is_sealed()) return;
  fmt::print("somebody took the filter away (a firewall loaded anew?); sealed again: {}\n", seal());
  std::fflush(stdout);
}

void Sealer::hear(int caller) {
  ucred who{};
  socklen_t size = sizeof who;
  // A stranger is not waited for: who asks after him would wait as long.
  if (::getsockopt(caller, SOL_SOCKET, SO_PEERCRED, &who, &size) != 0 || !may_ask(who.uid)) return;
  const timeval patience{1, 0};
  ::setsockopt(caller, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  ::setsockopt(caller, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  char word[16] = {};
  const ssize_t n = ::recv(caller, word, sizeof word, 0);  // a word is one packet of a local socket
  if (n <= 0) return;
  std::string_view verb(word, static_cast<std::size_t>(n));
  if (verb.ends_with('\n')) verb.remove_suffix(1);
  const std::string told = answer(verb, who) + "\n";
  static_cast<void>(!::send(caller, told.data(), told.size(), MSG_NOSIGNAL));
  std::string line = fmt::format(
      "{} by uid {}: {}", verb.find_first_not_of("sealuntu") == std::string_view::npos ? verb : "?", who.uid, told);
  if (line == told_last_) return;
  told_last_ = std::move(line);
  fmt::print("{}", told_last_);
  std::fflush(stdout);
}

void Sealer::serve(int listening) {
  for (;;) {
    pollfd wait{listening, POLLIN, 0};
    const int ready = ::poll(&wait, 1, holds_ ? look_every_ms : -1);
    put_back_if_gone();
    if (ready <= 0) continue;
    const int caller = ::accept4(listening, nullptr, nullptr, SOCK_CLOEXEC);
    if (caller < 0) continue;
    hear(caller);
    ::close(caller);
  }
}

// For root, where only root unseals, or no node is there any more.
int ask(const Options& options) {
  const sockaddr_un at = address_of(options.socket);
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0 || ::connect(fd, reinterpret_cast<const sockaddr*>(&at), sizeof at) != 0)
    end(fmt::format("nobody answers at {}: {} (systemctl status holdfast-sealer)", options.socket, reason()));
  const timeval patience{10, 0};
  ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  if (::send(fd, options.ask.data(), options.ask.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(options.ask.size()))
    end(fmt::format("{} does not take the question: {}", options.socket, reason()));
  std::string told;
  char some[512];
  for (ssize_t n = 0; told.size() < 4096 && (n = ::recv(fd, some, sizeof some, 0)) > 0;)
    told.append(some, static_cast<std::size_t>(n));
  ::close(fd);
  if (told.empty()) end("the helper gives no answer: only root and the user in sealer.conf may ask");
  fmt::print("{}", told);
  return told.starts_with("ok") ? 0 : 1;
}

Options read_options(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string_view name = argv[i];
    std::string* value = name == "--socket"   ? &options.socket
                         : name == "--config" ? &options.config
                         : name == "--marker" ? &options.marker
                         : name == "--ask"    ? &options.ask
                                              : nullptr;
    if (value == nullptr || i + 1 == argc) {
      fmt::print(
          "holdfast-sealer [--config FILE] [--socket PATH] [--marker FILE]\n"
          "  Sets and takes away one fixed packet filter for the node's seal. docs/guard.md.\n"
          "holdfast-sealer --ask seal|unseal|status [--socket PATH]\n"
          "  Asks the one that runs. Exit 0: done.\n");
      std::exit(name == "--help" ? 0 : 2);
    }
    *value = argv[++i];
  }
  return options;
}

}  // namespace

int main(int argc, char** argv) {
  const Options options = read_options(argc, argv);
  ::signal(SIGPIPE, SIG_IGN);
  if (!options.ask.empty()) return ask(options);
  if (::geteuid() != 0) end("it sets the host's packet filter and so must be started by root");
  const Config config = read_config(options.config);
  warn_of(config);
  Sealer sealer(options, config);
  if (::access(options.marker.c_str(), F_OK) == 0) {
    const std::string told = sealer.seal();
    if (!told.starts_with("ok")) end("the seal of before the restart cannot be set: " + told);
    fmt::print("sealed again, as before the restart\n");
  }
  const int listening = sealer.listen();
  fmt::print("listening at {}\n", options.socket);
  std::fflush(stdout);
  sealer.serve(listening);
}
