// Who is signed in: random tokens in memory, gone with the process.
//
// Shape:  a token is 256 random bits as 64 hex digits; only its SHA-256 is kept. A session ends when nobody has used it
//         for idle_max, after total_max in any case, and at sign-out. The least recently used goes when there are more
//         than sessions_max.
// Thread: any.
// Source: OWASP ASVS 3.
#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <string>

#include "core/base/world.h"
#include "edge/people/credentials.h"

namespace holdfast::people {

struct SessionSettings {
  Duration idle_max = seconds(60 * 60);
  Duration total_max = seconds(12 * 60 * 60);
  std::size_t sessions_max = 1000;
};
struct Session {
  Staff staff;
  std::string csrf;  // 64 hex digits; every change made with the cookie carries it
  Duration left;     // if nothing is done from now on
};

class Sessions {
 public:
  Sessions(Entropy& entropy, Clock& clock, SessionSettings settings = {})
      : entropy_(entropy), clock_(clock), settings_(settings) {}

  // The token is told to the browser once. `at`: it goes in a header and counts only together with that till's device
  // key (0: of a device that is no till yet); nullopt: it goes in a cookie. One is never good for the other.
  std::pair<std::string, Session> start(const Staff& staff, std::optional<TillId> at = {});
  // `is_use`: somebody works, so idle_max begins anew. What a page asks by itself, each second, is none.
  std::optional<Session> find(std::string_view token, std::optional<TillId> at = {}, bool is_use = true);
  void end(std::string_view token);
  void end_all_of(const SubjectId& staff);

 private:
  struct Record {
    Staff staff;
    std::string csrf;
    std::optional<TillId> at;
    Instant started, used;  // monotonic
  };
  bool is_over(const Record& record, Instant now) const;

  Entropy& entropy_;
  Clock& clock_;
  const SessionSettings settings_;
  std::mutex mutex_;
  std::map<Hash, Record> sessions_;
};

}  // namespace holdfast::people
