// Guard: what sensors have seen, and the posture of this site that follows from it: open, guarded, sealed, rejoining.
//
// Shape:  an *alert* is one thing that a sensor, a tripwire or a person's tool saw. Rules (rules.h) give it a level;
//         only what a rule calls watch or worse is recorded. The posture is recorded with who or what changed it.
//         Memory is bounded: the newest `recent_max` different alerts (by source and signature), each with its count.
// Units:  severity 1 (gravest) to 4, Suricata's own scale.
// Errors: guard/already_so (nothing to change), guard/reason_needed, guard/bad_text, guard/never_loosens (an alert may
//         only tighten), guard/not_sealed (rejoining begins at a sealed site), guard/bad_event, guard/bad_snapshot.
// Source: docs/guard.md.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/base/crypto.h"
#include "core/base/ids.h"
#include "core/base/values.h"

namespace holdfast::guard {

inline constexpr std::size_t source_bytes_max = 40;     // "suricata", "tripwire", "webhook:windows"
inline constexpr std::size_t signature_bytes_max = 80;  // "2024297", "canary", "security:4698"
inline constexpr std::size_t category_bytes_max = 120;
inline constexpr std::size_t text_bytes_max = 400;
inline constexpr std::size_t unrecorded_bytes_max = 8000;
inline constexpr std::size_t rule_bytes_max = 60;
inline constexpr std::size_t reason_bytes_max = 500;
inline constexpr std::size_t recent_max = 50;
// A person who calls a seal a false alarm is believed for so long: the same signature then only watches. Otherwise the
// sensor's next line would undo her one step.
inline constexpr Duration excused_for = seconds(12 * 60 * 60);

enum class Posture : std::uint8_t { open, guarded, sealed, rejoining };
enum class Level : std::uint8_t { benign, watch, guarded, sealed };  // what a rule asks for
enum class Cause : std::uint8_t { alert, person, machine };          // machine: its administrator, by command line
std::string_view to_text(Posture posture);
std::string_view to_text(Level level);
std::string_view to_text(Cause cause);
std::optional<Posture> posture_of(std::string_view text);
std::optional<Level> level_of(std::string_view text);

inline constexpr std::string_view tripwire_source = "tripwire";

struct Alert {
  std::string source;
  std::string signature;
  std::uint8_t severity = 2;
  std::string category;
  std::string text;  // for a person; clean, one line
  Hash digest{};     // SHA-256 of what came, so that it can be found again in the sensor's own log
  Instant seen_at;   // by the sensor's clock
  // What rules look for their words in, beside `text`: names, command lines. It stays on this machine: no journal, no
  // state, no answer has it.
  std::string unrecorded = {};
  bool operator==(const Alert&) const = default;
};
// Cut to the bounds above and made printable: what a sensor sends is hostile.
Alert cleaned(Alert alert);

// Events
struct AlertRaised {
  Alert alert;
  Level level = Level::watch;
  std::string rule;         // which rule gave the level
  std::uint64_t count = 1;  // so many alike since the one recorded before
  bool operator==(const AlertRaised&) const = default;
};
struct PostureChanged {
  Posture posture = Posture::open;
  Cause cause = Cause::person;
  SubjectId staff;                // who; zero: no person
  std::string source, signature;  // of the alert that caused it
  std::string rule;
  std::string reason;
  bool operator==(const PostureChanged&) const = default;
};

// Command
struct SetPosture {
  Posture posture = Posture::sealed;
  Cause cause = Cause::person;
  SubjectId staff;
  std::string source, signature, rule;  // cause alert
  std::string reason;                   // needed for everything but sealing by hand, where seconds count
  // `since` of the posture that whoever opens has before his eyes; guard/changed_meanwhile if there is a newer one.
  std::optional<Instant> seen_since = {};
};

struct SeenAlert {
  AlertRaised first;  // as it was seen first, its level the gravest so far
  std::uint64_t count = 0;
  Instant first_at, last_at;  // by our clock
  bool operator==(const SeenAlert&) const = default;
};
struct Excused {
  std::string source, signature;
  Instant until;
  bool operator==(const Excused&) const = default;
};
struct GuardState {
  Posture posture = Posture::open;
  Instant since;                       // of the posture; zero: it was never changed
  std::optional<PostureChanged> last;  // the newest change
  std::vector<SeenAlert> recent;       // the one seen last stands last
  std::uint64_t alerts = 0;            // recorded, each with its count
  std::uint64_t seals = 0;             // how often this site was sealed
  std::vector<Excused> excused;        // at most recent_max

  bool is_excused(std::string_view source, std::string_view signature, Instant now) const;
  void encode(Writer& out) const;
  static Result<GuardState> decode(Reader& in);
  bool operator==(const GuardState&) const = default;
};

// Limits are tighter (docs/guard.md says which and why): guarded and everything beyond.
inline bool is_tight(Posture posture) { return posture != Posture::open; }

Result<PostureChanged> decide(const GuardState& state, const SetPosture& command);
void apply(GuardState& state, const AlertRaised& event, Instant at);
void apply(GuardState& state, const PostureChanged& event, Instant at);
Status check_event(const AlertRaised& event);
Status check_event(const PostureChanged& event);

}  // namespace holdfast::guard
