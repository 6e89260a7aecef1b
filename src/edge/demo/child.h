// A process of this very program: a site of the demo's chain, or one command of it. Ended by its own id, and by the
// kernel when the demo itself is gone.
//
// Shape:  what it says goes to its log, appended.
// Errors: demo/failed: it could not be started, or (run) ended with another code than 0; its log says why. Of run
//         alone: demo/too_slow: it did not end in time. demo/ending: the demo ends. After both it has been ended.
// Thread: one, which must live as long as the children do: the kernel ends them with the thread that started them.
#pragma once

#include <sys/types.h>

#include <functional>
#include <string>
#include <vector>

#include "core/base/result.h"

namespace holdfast::demo {

using IsEnding = std::function<bool()>;  // whether the demo ends; asked again and again by whatever waits

class Child {
 public:
  static Result<Child> start(const std::vector<std::string>& arguments, const std::string& log);
  struct Limits {
    int seconds;
    IsEnding is_ending;
  };
  // Runs to its end, or to what limits it; what it said on standard output.
  static Result<std::string> run(const std::vector<std::string>& arguments, const std::string& log,
                                 const Limits& limits);

  Child() = default;
  Child(Child&& other) noexcept : pid_(std::exchange(other.pid_, -1)) {}
  Child& operator=(Child&& other) noexcept {
    std::swap(pid_, other.pid_);
    return *this;
  }
  ~Child() { end(0); }

  bool is_alive();
  pid_t pid() const { return pid_; }
  void ask_to_end() const;  // SIGTERM
  // Waits for that long, then kills. seconds 0: kills at once.
  void end(int seconds);

 private:
  explicit Child(pid_t pid) : pid_(pid) {}
  pid_t pid_ = -1;
};

}  // namespace holdfast::demo
