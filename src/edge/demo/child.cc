#include "edge/demo/child.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstring>
#include <thread>

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

}  // namespace

Result<Child> Child::start(const std::vector<std::string>& arguments, const std::string& log) {
  HF_TRY(const int out, open_log(log));
  auto pid = launch(arguments, out, out);
  ::close(out);
  if (!pid) return pass_on(std::move(pid).error());
  return Child(*pid);
}

Result<std::string> Child::run(const std::vector<std::string>& arguments, const std::string& log) {
  int pipe[2];
  if (::pipe2(pipe, O_CLOEXEC) != 0) return fail("demo/failed", fmt::format("No pipe: {}.", std::strerror(errno)));
  auto err = open_log(log);
  if (!err) {
    ::close(pipe[0]);
    ::close(pipe[1]);
    return pass_on(std::move(err).error());
  }
  auto pid = launch(arguments, pipe[1], *err);
  ::close(pipe[1]);
  ::close(*err);
  std::string said;
  if (pid) {
    std::array<char, 4096> buffer;
    for (ssize_t got; (got = ::read(pipe[0], buffer.data(), buffer.size())) > 0;) {
      said.append(buffer.data(), static_cast<std::size_t>(got));
    }
  }
  ::close(pipe[0]);
  if (!pid) return pass_on(std::move(pid).error());
  int status = 0;
  while (::waitpid(*pid, &status, 0) < 0 && errno == EINTR) continue;
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
