// Canary files: nobody has any business with them, so whoever touches one is an intruder.
//
// They may lie on the mount of a file server, and a look at one whose server is away can last for ever, and cannot be
// ended. So each canary has a thread of its own, which nobody waits for: it marks the file (fanotify), which keeps the
// kernel telling of it, and where its file system has no fanotify it compares the file with how it looked before.
//
// Shape:  take() and news() hand over what the threads have left, and never wait. A thread owns nothing but its
//         question: this may end before it does. A canary that is not there is marked when it comes, and its coming is
//         no touch.
// Errors: only ENOENT and ENOTDIR mean that a canary was removed. Whatever else a look ends with, and one that takes
//         longer than patience, is told as canary-unreachable, and the last look stands: what was changed meanwhile is
//         found when the next one succeeds.
// Thread: one.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/base/values.h"
#include "edge/guard/file_look.h"
#include "edge/guard/touched.h"

namespace holdfast::guard {

class Canaries {
 public:
  using Look = std::function<FileLook(const std::string& path, bool content)>;  // on the canary's thread
  struct Settings {
    std::vector<std::string> paths;
    bool weak = false;  // for tests: as if there were no fanotify
    Look look = look_at;
    Duration pause = seconds(1);  // between two looks
    Duration patience = seconds(10);
  };
  struct News {
    std::string event;  // for the log: canary-missing, canary-unreachable, canary-weak, canary-here
    std::string path, why, what_to_do;
  };
  explicit Canaries(Settings settings);
  ~Canaries();
  Canaries(const Canaries&) = delete;
  Canaries& operator=(const Canaries&) = delete;

  std::vector<int> descriptors() const;  // readable when there may be something to take
  bool weak() const;                     // there is no fanotify here, for any of them
  std::vector<Touched> take();
  std::vector<News> news();  // each once, until it is otherwise

 private:
  struct Mailbox;
  const std::shared_ptr<Mailbox> mailbox_;
};

}  // namespace holdfast::guard
