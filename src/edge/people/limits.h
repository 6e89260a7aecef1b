// How often a PIN or a code may be guessed.
//
// Shape:  free_attempts are free; each further one doubles a wait that starts at wait_first and ends at wait_longest.
//         An attempt counts when it begins, so that many at once are no way around; success takes the count of its
//         subject back to 0. There is one count a subject (a staff number, tried from one place) and one for all
//         subjects of its group, which forgets one attempt each global_forget: a whole till crew mistyping is no
//         attack, a machine trying is. An enrolled till is a group of its own, so that whoever is merely on the shop's
//         network holds nobody up who signs in at a till.
//         Right ones count too where all count together: to check a PIN takes long, and whoever has one could keep
//         everybody waiting with it. See `checks`.
// Thread: one at a time (its owner locks).
#pragma once

#include <algorithm>
#include <map>
#include <optional>
#include <string>

#include "core/base/refill.h"

namespace holdfast::people {

struct LimitSettings {
  int free_attempts = 5;
  int global_free_attempts = 20;
  Duration wait_first = seconds(5);
  Duration wait_longest = seconds(900);
  Duration global_forget = seconds(30);
  Rate checks{30, seconds(2)};  // that a group may begin
  std::size_t subjects_max = 2000;
  std::size_t groups_max = 2000;
  bool all_together = true;  // false: each subject by itself, for codes that nobody can try through
};

class AttemptLimits {
 public:
  explicit AttemptLimits(LimitSettings settings) : settings_(settings) {}
  // How long this subject must wait; nullopt: it may try now, and the attempt is counted.
  std::optional<Duration> begin(const std::string& subject, Instant monotonic_now, const std::string& group = {});
  void succeeded(const std::string& subject, const std::string& group = {});
  // A guarded site: 2 free attempts instead of 5, and the first wait is 30 s.
  void tighten(bool tight) { tight_ = tight; }

 private:
  struct Count {
    int attempts = 0;
    Instant last;
  };
  struct Group {
    Count all;
    Instant forget_from;  // all.attempts has been aged to here
    Refill checks;
  };
  Duration wait_after(int attempts_beyond) const;
  void forget_old(Instant now);
  Group& group_of(const std::string& name, Instant now);

  int free_attempts() const { return tight_ ? std::min(settings_.free_attempts, 2) : settings_.free_attempts; }
  Duration wait_first() const { return tight_ ? std::max(settings_.wait_first, seconds(30)) : settings_.wait_first; }

  LimitSettings settings_;
  bool tight_ = false;
  std::map<std::string, Count> subjects_;
  std::map<std::string, Group> groups_;
};

}  // namespace holdfast::people
