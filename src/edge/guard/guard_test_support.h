// For tests of the guard: what another process does.
#pragma once

#include <sys/wait.h>
#include <unistd.h>

#include <functional>

namespace holdfast::guard {

// Another process than this one.
inline void elsewhere(const std::function<void()>& act) {
  const pid_t child = ::fork();
  if (child == 0) {
    act();
    ::_exit(0);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
}

}  // namespace holdfast::guard
