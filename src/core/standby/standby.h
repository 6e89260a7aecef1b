// Standby: who sells here, the old system or this site, and what has been given back of the trade made meanwhile.
//
// Shape:  own_trade -> standing_by -> taken_over -> standing_by -> ...; a chain that runs on Holdfast never leaves
//         own_trade. From the first standing_by on, everything that was traded here is to go back, once, in numbered
//         *handbacks*: each is a range [first, end) of this site's own journals, and they follow one another without
//         gap. What belongs to one is what happened while taken over, and what came back (was sent again or
//         re-admitted) whenever that was: a range is closed by its end, so what comes late is in the next one.
// Units:  amounts in minor units; days are numbers of days since 1970 in the day of the handback's settings.
// Errors: standby/wrong_phase (says what to do), standby/nothing_new, standby/wrong_number, standby/overtaken (another
//         handback was made meanwhile), standby/bad_handback (which figure does not hold), standby/unknown_handback,
//         standby/bad_totals, standby/bad_text, standby/decide_again (a decision of the past is not made again by a
//         tail), standby/bad_snapshot.
// Note:   the rule that a till sale waits for a take-over is across domains: core/fold.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/crypto.h"
#include "core/base/ids.h"
#include "core/base/values.h"

namespace holdfast::standby {

inline constexpr std::size_t text_bytes_max = 500;
inline constexpr std::size_t files_max = 50;
inline constexpr std::size_t file_name_bytes_max = 120;
inline constexpr std::size_t settings_bytes_max = 4u
                                                  << 20;  // with the old system's own names of the products that moved
inline constexpr std::size_t totals_max = 20'000;
inline constexpr std::size_t code_bytes_max = 40;
inline constexpr std::int64_t day_max = 1'000'000;
inline constexpr std::int64_t all_days = -1;  // of a total that the old system reports: not by day

enum class Phase : std::uint8_t { own_trade = 0, standing_by = 1, taken_over = 2 };
std::string_view to_text(Phase phase);  // "own trade", "standing by", "taken over"

// What the old system said last, as of when; nullopt: not yet known.
struct Ages {
  std::optional<Instant> prices, stock, orders;
  bool operator==(const Ages&) const = default;
};

// sales, refunds: numbers. gross: sales less refunds. taxed, vat: gross and contained VAT of one rate (code: "S 20").
// paid: received less paid out by one kind of tender (code: "cash", "card"). Of each day gross = sum(taxed) =
// sum(paid).
enum class TotalKind : std::uint8_t { sales = 0, refunds = 1, gross = 2, taxed = 3, vat = 4, paid = 5 };
inline constexpr std::uint8_t total_kinds = 6;
std::string_view to_text(TotalKind kind);
std::optional<TotalKind> total_kind_of(std::string_view text);
struct TotalKey {
  std::int64_t day = 0;
  TotalKind kind = TotalKind::sales;
  std::string code;
  auto operator<=>(const TotalKey&) const = default;
};
using Totals = std::map<TotalKey, std::int64_t>;

struct File {
  std::string name;
  Hash sha256{};
  std::uint64_t bytes = 0;
  bool operator==(const File&) const = default;
};
struct Counts {
  std::uint64_t sales = 0, refunds = 0, movements = 0;  // movements: events that move stock and are no trade
  std::uint64_t all() const { return sales + refunds + movements; }
  bool operator==(const Counts&) const = default;
};

// Commands. ages: of take over, put in by fold; what the manager was shown.
struct Begin {
  std::string reason;
};
struct TakeOver {
  std::string reason;
};
struct Resume {
  std::string reason;
};
struct MakeHandback {
  std::uint32_t number = 0;
  EntryPlace first, end;     // [first, end) of this site's own journals
  std::uint32_t writer = 0;  // the version of what wrote the files
  std::string settings;      // all that their bytes depend on besides the journal and the writer
  std::vector<File> files;
  Totals totals;
  Counts counts;
  std::uint64_t late = 0;  // of counts: what happened before the handback before this one was made
  bool operator==(const MakeHandback&) const = default;
};
struct ConfirmHandback {
  std::uint32_t number = 0;
  Totals reported;
  std::string note;
};

// Events
struct StandbyBegun {
  std::string reason;
  bool operator==(const StandbyBegun&) const = default;
};
struct TakenOver {
  Ages ages;
  std::string reason;
  bool operator==(const TakenOver&) const = default;
};
struct StandbyResumed {
  std::string reason;
  bool operator==(const StandbyResumed&) const = default;
};
struct HandbackMade {
  MakeHandback made;
  bool operator==(const HandbackMade&) const = default;
};
struct Reported {
  std::int64_t reported = 0, ours = 0;
  std::int64_t difference() const { return reported - ours; }
  bool operator==(const Reported&) const = default;
};
struct HandbackConfirmed {
  std::uint32_t number = 0;
  std::map<TotalKey, Reported> totals;
  std::string note;
  bool operator==(const HandbackConfirmed&) const = default;
};

struct Confirmed {
  Instant at;
  Reported figures;
  bool operator==(const Confirmed&) const = default;
};
struct Handback {
  MakeHandback made;
  Instant at;
  std::map<TotalKey, Confirmed> confirmed;  // the newest word on each
  bool operator==(const Handback&) const = default;
};
struct StandbyState {
  Phase phase = Phase::own_trade;
  Instant since;                         // of phase
  std::optional<Instant> taken_over_at;  // the last time
  Ages ages;                             // shown then
  std::optional<EntryPlace> handed_to;   // the next handback begins here; nullopt: has never stood by
  Counts open;                           // not yet handed back
  std::optional<Instant> open_since;     // when the first of them was written
  EntryPlace last;                       // of the newest of them
  std::vector<Handback> handbacks;       // number 1, 2, ...; without their settings, which stay in the journal

  void encode(Writer& out) const;
  static Result<StandbyState> decode(Reader& in);
  bool operator==(const StandbyState&) const = default;
};

Result<StandbyBegun> decide(const StandbyState& state, const Begin& command);
Result<TakenOver> decide(const StandbyState& state, const TakeOver& command, const Ages& ages);
Result<StandbyResumed> decide(const StandbyState& state, const Resume& command);
// That the range ends in what has happened here is checked by fold, which can read it.
Result<HandbackMade> decide(const StandbyState& state, const MakeHandback& command);
Result<HandbackConfirmed> decide(const StandbyState& state, const ConfirmHandback& command);

// What every event must be, whoever wrote it; standby/bad_handback, standby/bad_totals, standby/bad_text.
Status check_event(const StandbyBegun& event);
Status check_event(const TakenOver& event);
Status check_event(const StandbyResumed& event);
Status check_event(const HandbackMade& event);
Status check_event(const HandbackConfirmed& event);

void apply(StandbyState& state, const StandbyBegun& event, Instant at, EntryPlace place);
void apply(StandbyState& state, const TakenOver& event, Instant at);
void apply(StandbyState& state, const StandbyResumed& event, Instant at);
void apply(StandbyState& state, const HandbackMade& event, Instant at);
void apply(StandbyState& state, const HandbackConfirmed& event, Instant at);

// Whether what is written now belongs to the trade that goes back. came_back: it was sent again or re-admitted.
bool goes_back(const StandbyState& state, bool came_back);
enum class Happened { sale, refund, movement };
void add(Counts& counts, Happened what);
// Called by fold for each such event, after goes_back().
void note(StandbyState& state, Happened what, Instant at, EntryPlace place);

// "S 20", "R 5.5": a VAT code with its rate in percent.
std::string rate_code(const VatCode& code, std::int64_t vat_millionths);
// The sum over all days of each total.
Totals over_all_days(const Totals& totals);

}  // namespace holdfast::standby
