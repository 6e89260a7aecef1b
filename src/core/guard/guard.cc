#include "core/guard/guard.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "core/base/snapshot.h"
#include "core/base/text.h"

namespace holdfast::guard {
namespace {

constexpr std::array<std::string_view, 4> postures = {"open", "guarded", "sealed", "rejoining"};
constexpr std::array<std::string_view, 4> levels = {"benign", "watch", "guarded", "sealed"};
constexpr std::array<std::string_view, 3> causes = {"alert", "person", "machine"};

bool fits(std::string_view text, std::size_t bytes_max) { return text.size() <= bytes_max && is_clean_text(text); }

SeenAlert* find(std::vector<SeenAlert>& recent, const Alert& alert) {
  const auto it = std::ranges::find_if(recent, [&](const SeenAlert& seen) {
    return seen.first.alert.source == alert.source && seen.first.alert.signature == alert.signature;
  });
  return it == recent.end() ? nullptr : &*it;
}

Status bad(std::string_view what) { return fail("guard/bad_event", fmt::format("the {} is out of bounds", what)); }

}  // namespace

std::string_view to_text(Posture posture) { return postures[static_cast<std::size_t>(posture)]; }
std::string_view to_text(Level level) { return levels[static_cast<std::size_t>(level)]; }
std::string_view to_text(Cause cause) { return causes[static_cast<std::size_t>(cause)]; }
std::optional<Posture> posture_of(std::string_view text) {
  const auto it = std::ranges::find(postures, text);
  if (it == postures.end()) return std::nullopt;
  return static_cast<Posture>(it - postures.begin());
}
std::optional<Level> level_of(std::string_view text) {
  const auto it = std::ranges::find(levels, text);
  if (it == levels.end()) return std::nullopt;
  return static_cast<Level>(it - levels.begin());
}

Alert cleaned(Alert alert) {
  alert.source = clean_text(alert.source, source_bytes_max);
  alert.signature = clean_text(alert.signature, signature_bytes_max);
  alert.category = clean_text(alert.category, category_bytes_max);
  alert.text = clean_text(alert.text, text_bytes_max);
  alert.unrecorded = clean_text(alert.unrecorded, unrecorded_bytes_max);
  alert.severity = std::clamp<std::uint8_t>(alert.severity, 1, 4);
  alert.seen_at.unix_ns = std::max<std::int64_t>(alert.seen_at.unix_ns, 0);
  if (alert.source.empty()) alert.source = "unknown";
  if (alert.signature.empty()) alert.signature = "unknown";
  return alert;
}

bool GuardState::is_excused(std::string_view source, std::string_view signature, Instant now) const {
  // From a time before it on as well: what a clock that was years ahead has excused would seal nothing for years.
  return std::ranges::any_of(excused, [&](const Excused& e) {
    return e.source == source && e.signature == signature && now + clock_slack >= e.until - excused_for &&
           now <= e.until;
  });
}

Result<PostureChanged> decide(const GuardState& state, const SetPosture& c) {
  if (c.posture == state.posture)
    return fail("guard/already_so", fmt::format("this site is {} already", to_text(c.posture)));
  if (!fits(c.reason, reason_bytes_max) || !fits(c.source, source_bytes_max) ||
      !fits(c.signature, signature_bytes_max) || !fits(c.rule, rule_bytes_max))
    return fail("guard/bad_text",
                fmt::format("the reason is longer than {} bytes or not printable UTF-8", reason_bytes_max));
  if (c.cause == Cause::alert) {
    const bool tightens = c.posture == Posture::sealed || (c.posture == Posture::guarded && !is_tight(state.posture));
    if (!tightens)
      return fail("guard/never_loosens", fmt::format("an alert does not make a site {} that is {}", to_text(c.posture),
                                                     to_text(state.posture)));
  } else if (c.reason.empty() && c.posture != Posture::sealed) {
    return fail("guard/reason_needed", "say why; the reason is kept with the incident for ever");
  }
  if (c.posture == Posture::rejoining && state.posture != Posture::sealed)
    return fail("guard/not_sealed", fmt::format("only a sealed site rejoins; this one is {}", to_text(state.posture)));
  return PostureChanged{c.posture, c.cause, c.staff, c.source, c.signature, c.rule, c.reason};
}

void apply(GuardState& state, const AlertRaised& event, Instant at) {
  state.alerts += event.count;
  SeenAlert next{event, event.count, at, at};
  if (const SeenAlert* known = find(state.recent, event.alert)) {
    next = *known;
    next.count += event.count;
    next.last_at = std::max(next.last_at, at);
    if (event.level > next.first.level) {
      next.first.level = event.level;
      next.first.rule = event.rule;
    }
    std::erase_if(state.recent, [&](const SeenAlert& seen) { return &seen == known; });
  }
  if (state.recent.size() >= recent_max) {  // the least grave goes first, of those the oldest
    const auto least = std::ranges::min_element(state.recent, {}, [](const SeenAlert& s) { return s.first.level; });
    state.recent.erase(least);
  }
  state.recent.push_back(std::move(next));
}

void apply(GuardState& state, const PostureChanged& event, Instant at) {
  // "It was a false alarm": what sealed us may not do it again at once.
  const bool opens = event.cause != Cause::alert && event.posture == Posture::open;
  if (opens && state.last && state.last->cause == Cause::alert && state.last->source != tripwire_source) {
    std::erase_if(state.excused, [&](const Excused& e) {
      return e.until < at || (e.source == state.last->source && e.signature == state.last->signature);
    });
    if (state.excused.size() >= recent_max) state.excused.erase(state.excused.begin());
    state.excused.push_back({state.last->source, state.last->signature, at + excused_for});
  }
  if (event.posture == Posture::sealed && state.posture != Posture::sealed) ++state.seals;
  state.posture = event.posture;
  state.since = at;
  state.last = event;
}

Status check_event(const AlertRaised& e) {
  const Alert& a = e.alert;
  if (!fits(a.source, source_bytes_max) || a.source.empty()) return bad("alert's source");
  if (!fits(a.signature, signature_bytes_max) || a.signature.empty()) return bad("alert's signature");
  if (!fits(a.category, category_bytes_max)) return bad("alert's category");
  if (!fits(a.text, text_bytes_max)) return bad("alert's text");
  if (!fits(e.rule, rule_bytes_max)) return bad("alert's rule");
  if (a.severity < 1 || a.severity > 4) return bad("alert's severity");
  if (e.level == Level::benign || e.level > Level::sealed) return bad("alert's level");
  if (e.count == 0 || e.count > (1ull << 40)) return bad("alert's count");
  return {};
}

Status check_event(const PostureChanged& e) {
  if (e.posture > Posture::rejoining) return bad("posture");
  if (e.cause > Cause::machine) return bad("posture's cause");
  if (!fits(e.source, source_bytes_max) || !fits(e.signature, signature_bytes_max) || !fits(e.rule, rule_bytes_max))
    return bad("posture's alert");
  if (!fits(e.reason, reason_bytes_max)) return bad("posture's reason");
  return {};
}

namespace {

void put(Writer& out, const AlertRaised& e) {
  out.text(e.alert.source);
  out.text(e.alert.signature);
  out.u8(e.alert.severity);
  out.text(e.alert.category);
  out.text(e.alert.text);
  out.raw(e.alert.digest);
  out.i64(e.alert.seen_at.unix_ns);
  out.u8(static_cast<std::uint8_t>(e.level));
  out.text(e.rule);
  out.u64(e.count);
}
AlertRaised get_alert(Reader& in) {
  AlertRaised e;
  e.alert.source = in.text();
  e.alert.signature = in.text();
  e.alert.severity = in.u8();
  e.alert.category = in.text();
  e.alert.text = in.text();
  e.alert.digest = in.array<32>();
  e.alert.seen_at.unix_ns = in.i64();
  e.level = static_cast<Level>(in.u8());
  e.rule = in.text();
  e.count = in.u64();
  return e;
}
void put(Writer& out, const PostureChanged& e) {
  out.u8(static_cast<std::uint8_t>(e.posture));
  out.u8(static_cast<std::uint8_t>(e.cause));
  out.raw(e.staff.bytes);
  for (const std::string* text : {&e.source, &e.signature, &e.rule, &e.reason}) out.text(*text);
}
PostureChanged get_change(Reader& in) {
  PostureChanged e;
  e.posture = static_cast<Posture>(in.u8());
  e.cause = static_cast<Cause>(in.u8());
  e.staff.bytes = in.array<16>();
  for (std::string* text : {&e.source, &e.signature, &e.rule, &e.reason}) *text = in.text();
  return e;
}

}  // namespace

void GuardState::encode(Writer& out) const {
  out.u8(static_cast<std::uint8_t>(posture));
  out.i64(since.unix_ns);
  out.u8(last ? 1 : 0);
  if (last) put(out, *last);
  out.u32(static_cast<std::uint32_t>(recent.size()));
  for (const SeenAlert& seen : recent) {
    put(out, seen.first);
    out.u64(seen.count);
    out.i64(seen.first_at.unix_ns);
    out.i64(seen.last_at.unix_ns);
  }
  out.u64(alerts);
  out.u64(seals);
  out.u32(static_cast<std::uint32_t>(excused.size()));
  for (const Excused& e : excused) {
    out.text(e.source);
    out.text(e.signature);
    out.i64(e.until.unix_ns);
  }
}

Result<GuardState> GuardState::decode(Reader& in) {
  GuardState s;
  bool sound = true;
  s.posture = static_cast<Posture>(in.u8());
  s.since.unix_ns = in.i64();
  if (in.u8() == 1) {
    s.last = get_change(in);
    sound = sound && check_event(*s.last).has_value();
  }
  const std::uint32_t count = in.u32();
  sound = sound && count <= recent_max && in.fits(count, 80);
  for (std::uint32_t i = 0; sound && i < count; ++i) {
    SeenAlert seen;
    seen.first = get_alert(in);
    seen.count = in.u64();
    seen.first_at.unix_ns = in.i64();
    seen.last_at.unix_ns = in.i64();
    sound = in.ok() && check_event(seen.first).has_value();
    s.recent.push_back(std::move(seen));
  }
  s.alerts = in.u64();
  s.seals = in.u64();
  const std::uint32_t excused_count = in.u32();
  sound = sound && excused_count <= recent_max && in.fits(excused_count, 16);
  for (std::uint32_t i = 0; sound && i < excused_count; ++i) {
    Excused e;
    e.source = in.text();
    e.signature = in.text();
    e.until.unix_ns = in.i64();
    s.excused.push_back(std::move(e));
  }
  if (!sound || !in.ok() || s.posture > Posture::rejoining)
    return fail("guard/bad_snapshot", "the guard's part of a snapshot is damaged");
  return s;
}

}  // namespace holdfast::guard
