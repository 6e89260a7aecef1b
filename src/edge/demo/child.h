// A process of this very program: a site of the demo's chain, or one command of it. Ended by its own id, and by the
// kernel when the demo itself is gone.
//
// Shape:  what it says goes to its log, appended.
// Errors: demo/failed: it could not be started, or (run) ended with another code than 0; its last words follow.
// Thread: one, which must live as long as the children do: the kernel ends them with the thread that started them.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "core/base/result.h"

namespace holdfast::demo {

class Child {
 public:
  static Result<Child> start(const std::vector<std::string>& arguments, const std::string& log);
  // Runs to its end; what it said on standard output.
  static Result<std::string> run(const std::vector<std::string>& arguments, const std::string& log);

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
