#include "core/standby/standby.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "core/base/text.h"

namespace holdfast::standby {
namespace {

constexpr std::array<std::string_view, total_kinds> kind_names = {"sales", "refunds", "gross", "taxed", "vat", "paid"};

Status check_text(std::string_view text) {
  if (text.size() > text_bytes_max || !is_clean_text(text))
    return fail("standby/bad_text",
                fmt::format("the reason or note is longer than {} bytes or not printable UTF-8", text_bytes_max));
  return {};
}

Status check_key(const TotalKey& key, std::int64_t day_min) {
  const bool has_code = key.kind == TotalKind::taxed || key.kind == TotalKind::vat || key.kind == TotalKind::paid;
  if (key.day < day_min || key.day > day_max)
    return fail("standby/bad_totals", fmt::format("a total is of day {}, which is no day", key.day));
  if (key.code.empty() == has_code || key.code.size() > code_bytes_max || !is_clean_text(key.code))
    return fail("standby/bad_totals", fmt::format("a total \"{}\" has a wrong code", to_text(key.kind)));
  return {};
}
Status check_amount(std::int64_t amount) {
  if (amount > money_minor_max || amount < -money_minor_max)
    return fail("standby/bad_totals", "a total is beyond what can be counted");
  return {};
}

// What the rates and the tenders of a day add up to is what was traded on it.
Status check_sums(const Totals& totals) {
  struct Sums {
    std::int64_t gross = 0, taxed = 0, paid = 0;
  };
  std::map<std::int64_t, Sums> days;
  for (const auto& [key, amount] : totals) {
    HF_TRY_VOID(check_key(key, 0));
    HF_TRY_VOID(check_amount(amount));
    Sums& day = days[key.day];
    if (key.kind == TotalKind::gross) day.gross += amount;
    if (key.kind == TotalKind::taxed) day.taxed += amount;
    if (key.kind == TotalKind::paid) day.paid += amount;
    const bool is_number = key.kind == TotalKind::sales || key.kind == TotalKind::refunds;
    if (is_number && amount < 0) return fail("standby/bad_totals", "fewer than no sales or refunds");
  }
  for (const auto& [day, sums] : days)
    if (sums.gross != sums.taxed || sums.gross != sums.paid)
      return fail("standby/bad_totals", fmt::format("on day {} the total is {}, by VAT rate it is {}, by tender {}",
                                                    day, sums.gross, sums.taxed, sums.paid));
  return {};
}

bool is_file_name(std::string_view name) {
  return !name.empty() && name.size() <= file_name_bytes_max && name.front() != '.' &&
         std::ranges::all_of(name, [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
                  c == '_';
         });
}

std::int64_t sum_of(const Totals& totals, TotalKind kind) {
  std::int64_t sum = 0;
  for (const auto& [key, amount] : totals)
    if (key.kind == kind) sum += amount;
  return sum;
}

std::unexpected<Error> wrong_phase(std::string text) { return fail("standby/wrong_phase", std::move(text)); }

std::uint64_t less(std::uint64_t from, std::uint64_t taken) { return from > taken ? from - taken : 0; }

}  // namespace

std::string_view to_text(Phase phase) {
  switch (phase) {
    case Phase::own_trade:
      return "own trade";
    case Phase::standing_by:
      return "standing by";
    case Phase::taken_over:
      return "taken over";
  }
  return "own trade";
}
std::string_view to_text(TotalKind kind) { return kind_names[static_cast<std::size_t>(kind)]; }
std::optional<TotalKind> total_kind_of(std::string_view text) {
  const auto it = std::ranges::find(kind_names, text);
  if (it == kind_names.end()) return std::nullopt;
  return static_cast<TotalKind>(it - kind_names.begin());
}

std::string rate_code(const VatCode& code, std::int64_t vat_millionths) {
  std::string rate = fmt::format("{}.{:04}", vat_millionths / 10'000, vat_millionths % 10'000);
  while (rate.ends_with('0')) rate.pop_back();
  if (rate.ends_with('.')) rate.pop_back();
  return fmt::format("{} {}", code.view(), rate);
}

Totals over_all_days(const Totals& totals) {
  Totals out;
  for (const auto& [key, amount] : totals) out[{all_days, key.kind, key.code}] += amount;
  return out;
}

// ---- deciding

Result<StandbyBegun> decide(const StandbyState& state, const Begin& command) {
  if (state.phase == Phase::standing_by) return wrong_phase("this site stands by already; the old system sells here");
  if (state.phase == Phase::taken_over)
    return wrong_phase("this site has taken over; `holdfast standby resume` lets the old system sell again");
  StandbyBegun event{command.reason};
  HF_TRY_VOID(check_event(event));
  return event;
}

Result<TakenOver> decide(const StandbyState& state, const TakeOver& command, const Ages& ages) {
  if (state.phase == Phase::own_trade)
    return wrong_phase(
        "this site does not stand by for another system: it sells already, there is nothing to take over");
  if (state.phase == Phase::taken_over) return wrong_phase("this site has taken over already; sell");
  TakenOver event{ages, command.reason};
  HF_TRY_VOID(check_event(event));
  return event;
}

Result<StandbyResumed> decide(const StandbyState& state, const Resume& command) {
  if (state.phase != Phase::taken_over)
    return wrong_phase(state.phase == Phase::standing_by ? "this site stands by already; the old system sells here"
                                                         : "this site does not stand by for another system");
  StandbyResumed event{command.reason};
  HF_TRY_VOID(check_event(event));
  return event;
}

Result<HandbackMade> decide(const StandbyState& state, const MakeHandback& command) {
  if (!state.handed_to) return wrong_phase("this site has never stood by for another system: nothing is to go back");
  const auto next = static_cast<std::uint32_t>(state.handbacks.size() + 1);
  if (command.number != next)
    return fail("standby/wrong_number", fmt::format("the next handback is number {}, not {}", next, command.number));
  if (command.first != *state.handed_to)
    return fail("standby/overtaken", "another handback was made meanwhile; ask again, this one was not recorded");
  if (command.counts.all() == 0) return fail("standby/nothing_new", "nothing was traded since the last handback");
  const Counts& open = state.open;
  const bool within = command.counts.sales <= open.sales && command.counts.refunds <= open.refunds &&
                      command.counts.movements <= open.movements;
  const bool whole = command.end <= state.last || command.counts == open;
  if (!within || !whole)
    return fail("standby/bad_handback",
                fmt::format("its files hold {} sales, {} refunds and {} movements of stock, the journal {}, {} and {}",
                            command.counts.sales, command.counts.refunds, command.counts.movements, open.sales,
                            open.refunds, open.movements));
  HandbackMade event{command};
  HF_TRY_VOID(check_event(event));
  return event;
}

Result<HandbackConfirmed> decide(const StandbyState& state, const ConfirmHandback& command) {
  if (command.number < 1 || command.number > state.handbacks.size())
    return fail("standby/unknown_handback", state.handbacks.empty()
                                                ? std::string("no handback was made here yet")
                                                : fmt::format("there is no handback {}; the last one is {}",
                                                              command.number, state.handbacks.size()));
  if (command.reported.empty())
    return fail("standby/bad_totals", "the old system's totals are missing; give one at least");
  const Totals& by_day = state.handbacks[command.number - 1].made.totals;
  const Totals whole = over_all_days(by_day);
  HandbackConfirmed event{command.number, {}, command.note};
  for (const auto& [key, reported] : command.reported) {
    const Totals& ours = key.day == all_days ? whole : by_day;
    const auto it = ours.find(key);
    event.totals[key] = {reported, it == ours.end() ? 0 : it->second};
  }
  HF_TRY_VOID(check_event(event));
  return event;
}

// ---- what every event must be

Status check_event(const StandbyBegun& event) { return check_text(event.reason); }
Status check_event(const StandbyResumed& event) { return check_text(event.reason); }
Status check_event(const TakenOver& event) {
  for (const auto& age : {event.ages.prices, event.ages.stock, event.ages.orders})
    if (age && age->unix_ns <= 0) return fail("standby/bad_text", "an age lies before 1970");
  return check_text(event.reason);
}
Status check_event(const HandbackMade& event) {
  constexpr std::string_view bad = "standby/bad_handback";
  const MakeHandback& made = event.made;
  if (made.number < 1 || made.end < made.first) return fail(bad, "its number or its range is wrong");
  if (made.files.empty() || made.files.size() > files_max)
    return fail(bad, fmt::format("it has {} files; 1 to {} are written", made.files.size(), files_max));
  std::vector<std::string_view> names;
  for (const File& file : made.files) {
    if (!is_file_name(file.name))
      return fail(bad, "a file's name is empty, too long or has other signs than a-z 0-9 - _ .");
    names.push_back(file.name);
  }
  std::ranges::sort(names);
  if (std::ranges::adjacent_find(names) != names.end()) return fail(bad, "two files have one name");
  if (made.settings.size() > settings_bytes_max || !is_utf8(made.settings))
    return fail(bad, "its settings are too large or not UTF-8");
  if (made.totals.size() > totals_max) return fail(bad, "it has too many totals");
  if (made.late > made.counts.all()) return fail(bad, "more came late than there is");
  HF_TRY_VOID(check_sums(made.totals));
  if (sum_of(made.totals, TotalKind::sales) != static_cast<std::int64_t>(made.counts.sales) ||
      sum_of(made.totals, TotalKind::refunds) != static_cast<std::int64_t>(made.counts.refunds))
    return fail(bad, "its numbers of sales and refunds by day do not add up to those of the whole");
  return {};
}
Status check_event(const HandbackConfirmed& event) {
  if (event.number < 1 || event.totals.empty() || event.totals.size() > totals_max)
    return fail("standby/bad_totals", "there are no totals, or too many");
  for (const auto& [key, figures] : event.totals) {
    HF_TRY_VOID(check_key(key, all_days));
    HF_TRY_VOID(check_amount(figures.reported));
    HF_TRY_VOID(check_amount(figures.ours));
  }
  return check_text(event.note);
}

// ---- applying

void apply(StandbyState& state, const StandbyBegun&, Instant at, EntryPlace place) {
  state.phase = Phase::standing_by;
  state.since = at;
  if (!state.handed_to) state.handed_to = place;
}
void apply(StandbyState& state, const TakenOver& event, Instant at) {
  state.phase = Phase::taken_over;
  state.since = at;
  state.taken_over_at = at;
  state.ages = event.ages;
}
void apply(StandbyState& state, const StandbyResumed&, Instant at) {
  state.phase = Phase::standing_by;
  state.since = at;
}
void apply(StandbyState& state, const HandbackMade& event, Instant at) {
  if (event.made.number != state.handbacks.size() + 1) return;  // of a journal that nobody's decide() wrote
  state.handbacks.push_back({event.made, at, {}});
  state.handbacks.back().made.settings.clear();
  state.handed_to = event.made.end;
  state.open.sales = less(state.open.sales, event.made.counts.sales);
  state.open.refunds = less(state.open.refunds, event.made.counts.refunds);
  state.open.movements = less(state.open.movements, event.made.counts.movements);
  state.open_since = state.open.all() == 0 ? std::nullopt : std::optional(at);
}
void apply(StandbyState& state, const HandbackConfirmed& event, Instant at) {
  if (event.number < 1 || event.number > state.handbacks.size()) return;
  auto& confirmed = state.handbacks[event.number - 1].confirmed;
  for (const auto& [key, figures] : event.totals) confirmed[key] = {at, figures};
}

bool goes_back(const StandbyState& state, bool came_back) {
  return state.phase == Phase::taken_over || (came_back && state.handed_to.has_value());
}
void add(Counts& counts, Happened what) {
  ++(what == Happened::sale ? counts.sales : what == Happened::refund ? counts.refunds : counts.movements);
}
void note(StandbyState& state, Happened what, Instant at, EntryPlace place) {
  add(state.open, what);
  state.last = place;
  if (!state.open_since) state.open_since = at;
}

}  // namespace holdfast::standby
