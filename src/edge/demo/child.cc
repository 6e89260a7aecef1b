#include "edge/demo/child.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstring>
#include <thread>

#include "edge/posix/posix_disk.h"

namespace holdfast::demo {
namespace {

constexpr const char* this_program = "/proc/self/exe";

// Between fork and exec only what POSIX calls async-signal-safe: other threads may have held locks.
[[noreturn]] void become(char* const* arguments, int out, int err, pid_t parent) {
  ::prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (::getppid() != parent) ::_exit(127);
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::setpgid(0, 0);  // Ctrl-C is for the demo, which ends its sites itself
  ::dup2(out, STDOUT_FILENO);
  ::dup2(err, STDERR_FILENO);
  ::execv(this_program, arguments);
  ::_exit(127);
}

Result<pid_t> launch(const std::vector<std::string>& arguments, int out, int err) {
  std::vector<std::string> words = arguments;
  words.insert(words.begin(), "holdfast");
  std::vector<char*> list;
  list.reserve(words.size() + 1);
  for (std::string& word : words) list.push_back(word.data());
  list.push_back(nullptr);
  const pid_t parent = ::getpid();
  const pid_t pid = ::fork();
  if (pid < 0) return fail("demo/failed", fmt::format("No process can be started: {}.", std::strerror(errno)));
  if (pid == 0) become(list.data(), out, err, parent);
  return pid;
}

Result<int> open_log(const std::string& path) {
  const int log = ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (log < 0) return fail("demo/failed", fmt::format("{} cannot be written to: {}.", path, std::strerror(errno)));
  return log;
}

// Waits a moment for what it says, and adds it. False: it says no more.
bool read_some(int from, std::string& said) {
  pollfd waits{from, POLLIN, 0};
  if (::poll(&waits, 1, 100) <= 0) return true;
  std::array<char, 4096> buffer;
  const ssize_t got = ::read(from, buffer.data(), buffer.size());
  if (got > 0) said.append(buffer.data(), static_cast<std::size_t>(got));
  return got > 0 || (got < 0 && errno == EINTR);
}

}  // namespace

Result<Child> Child::start(const std::vector<std::string>& arguments, const std::string& log) {
  HF_TRY(const int out, open_log(log));
  auto pid = launch(arguments, out, out);
  ::close(out);
  if (!pid) return pass_on(std::move(pid).error());
  return Child(*pid);
}

Result<std::string> Child::run(const std::vector<std::string>& arguments, const std::string& log,
                               const Limits& limits) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return fail("demo/failed", fmt::format("No pipe: {}.", std::strerror(errno)));
  const edge::Descriptor out(ends[0]);
  edge::Descriptor in(ends[1]);
  HF_TRY(const int err, open_log(log));
  const edge::Descriptor owns_err(err);
  HF_TRY(const pid_t pid, launch(arguments, in.get(), err));
  Child child(pid);
  in = edge::Descriptor();  // the child alone has it open now
  const auto stop = [&](std::string_view code, std::string_view why) {
    child.end(2);
    return fail(code, fmt::format("holdfast {} {} was ended: {}.", arguments.at(0), arguments.at(1), why));
  };
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(limits.seconds);
  std::string said;
  int status = -1;
  for (bool is_open = true; is_open || ::waitpid(pid, &status, WNOHANG) == 0;) {
    if (limits.is_ending()) return stop("demo/ending", "the demo ends");
    if (std::chrono::steady_clock::now() >= until) {
      return stop("demo/too_slow", fmt::format("it took more than {} s; see {}", limits.seconds, log));
    }
    if (is_open)
      is_open = read_some(out.get(), said);
    else
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  child.pid_ = -1;  // waited for
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
    return fail("demo/failed",
                fmt::format("holdfast {} {} did not succeed; {} says why.", arguments.at(0), arguments.at(1), log));
  }
  return said;
}

bool Child::is_alive() {
  if (pid_ < 0) return false;
  int status = 0;
  if (::waitpid(pid_, &status, WNOHANG) == 0) return true;
  pid_ = -1;
  return false;
}

void Child::ask_to_end() const {
  if (pid_ > 0) ::kill(pid_, SIGTERM);
}

void Child::end(int seconds) {
  if (seconds > 0) ask_to_end();
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(seconds);
  while (is_alive()) {
    if (std::chrono::steady_clock::now() >= until) {
      ::kill(pid_, SIGKILL);
      while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) continue;
      pid_ = -1;
      return;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
}

}  // namespace holdfast::demo
