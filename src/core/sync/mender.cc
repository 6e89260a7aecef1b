#include "core/sync/mender.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "core/sync/replica.h"

namespace holdfast::sync {
namespace {

constexpr Duration next_holder_after = milliseconds(200);
constexpr Duration next_try_after = seconds(1);

std::string names(const std::vector<SiteName>& sites) {
  std::string out;
  for (const SiteName& site : sites) out += (out.empty() ? "" : ", ") + std::string(site.view());
  return out.empty() ? "this disk alone" : out;
}

}  // namespace

std::string to_text(const Origin& origin, const journal::Hole& hole) {
  if (hole.first == hole.end)
    return hole.first == 0 ? fmt::format("a checkpoint of {}", origin.text())
                           : fmt::format("a checkpoint of {} behind entry {}", origin.text(), hole.first - 1);
  if (hole.first + 1 == hole.end) return fmt::format("entry {} of {}", hole.first, origin.text());
  return fmt::format("entries {} to {} of {}", hole.first, hole.end - 1, origin.text());
}

std::string to_text(const MendTold& told) {
  std::string what = to_text(told.origin, told.hole);
  switch (told.what) {
    case MendTold::What::found:
      return what + " cannot be read any more: the disk is failing; it is fetched from whoever has a copy";
    case MendTold::What::mended:
      return fmt::format("{}: put back, from {}, {} bytes; proven by what was signed", what, names(told.from),
                         told.bytes);
    case MendTold::What::lied:
      return fmt::format("{}: {} gave something else than what was there; it is not asked again before the next start",
                         what, names(told.from));
    case MendTold::What::unprovable:
      return what +
             " cannot be put back: nothing that was signed says what was there, or it is too much at once; "
             "rebuild this site";
    case MendTold::What::refuted:
      return "what is on this disk of " + told.origin.text() +
             " does not have the root that its owner signed; rebuild this site";
    case MendTold::What::whole:
      return told.origin.text() + " is whole again";
  }
  return what;
}

void Mender::Case::begin(std::vector<journal::Hole> wanted) {
  holes = std::move(wanted);
  pieces.clear();
  for (const journal::Hole& hole : holes) pieces.push_back({hole.first, {}});
  asked.clear();
  givers.clear();
  goes_on = false;
  bytes = 0;
}

journal::Hole Mender::Case::hole_of(const journal::Piece& piece) const {
  return holes[static_cast<std::size_t>(&piece - pieces.data())];
}

journal::Piece* Mender::Case::unfinished() {
  for (journal::Piece& piece : pieces)
    if (piece.first + piece.entries.size() < hole_of(piece).end) return &piece;
  return nullptr;
}

std::size_t Mender::held_bytes() const {
  std::size_t sum = 0;
  for (const auto& [origin, c] : cases_) sum += c.bytes;
  return sum;
}

void Mender::tell_found(const Origin& origin, const journal::Hole& hole) {
  if (known_[origin].insert(hole.first).second) told_.push_back({MendTold::What::found, origin, hole});
}

void Mender::tell_all(const journal::Log& log) {
  for (const journal::Hole& hole : log.holes()) tell_found(log.origin(), hole);
}

// Once, until something of this journal is mended.
void Mender::tell_hopeless(const journal::Log& log, Case& c, MendTold::What what) {
  if (std::exchange(c.is_told_hopeless, true)) return;
  const std::vector<journal::Hole> holes = log.holes();
  told_.push_back({what, log.origin(), holes.empty() ? journal::Hole{0, log.durable_size()} : holes.front()});
}

Status Mender::turn(journal::Log& log, std::span<const SiteName> holders, Instant monotonic, const Ask& ask,
                    std::uint64_t hash_bytes) {
  if (!log.has_holes() && log.hashed_size() == log.durable_size()) {
    if (cases_.erase(log.origin()) > 0) told_.push_back({MendTold::What::whole, log.origin(), {}});
    known_.erase(log.origin());
    return {};
  }
  tell_all(log);
  Case& c = cases_[log.origin()];
  std::vector<journal::Hole> wanted = log.wanted();
  if (wanted.empty()) return go_on_hashing(log, c, hash_bytes);
  if (wanted != c.holes) {
    if (wanted != c.too_much.of) c.too_much = {wanted, {}, 0};
    c.begin(std::move(wanted));
  }
  if (c.unfinished() == nullptr) return put_back(log, c, monotonic);
  if (c.bytes > held_bytes_max) take_too_much(c, monotonic);
  if (monotonic < c.wait_until) return {};
  c.is_slow = c.is_slow || (!c.asked.empty() && !c.has_answered);
  std::vector<SiteName> honest;
  bool gave_too_much = false;  // somebody who is not known to lie
  for (const SiteName& holder : holders) {
    if (liars_[log.origin()].contains(holder)) continue;
    if (c.too_much.by.contains(holder))
      gave_too_much = true;
    else
      honest.push_back(holder);
  }
  if ((honest.empty() && gave_too_much) || c.too_much.by_several > holders.size()) {
    tell_hopeless(log, c, MendTold::What::unprovable);
    return {};
  }
  const auto giver = giver_for(c, honest);
  if (!giver) {
    if (c.asked.empty()) return {};
    ++c.tries;
    if (std::exchange(c.is_slow, false)) c.patience = std::min(Duration{2 * c.patience.ns}, give_patience_max);
    // What they gave stays, unless it is so much that another journal may have to wait for it.
    if (held_bytes() > held_bytes_max / 2) c.begin(std::exchange(c.holes, {}));
    c.asked.clear();
    c.goes_on = false;
    c.wait_until = monotonic + next_try_after;
    return {};
  }
  if (held_bytes() - c.bytes > held_bytes_max - chunk_bytes) return {};  // when others have been put back
  if (!std::exchange(c.goes_on, false)) c.asked.push_back(*giver);
  c.has_answered = false;
  c.wait_until = monotonic + c.patience;
  const journal::Piece& piece = *c.unfinished();
  ask(*giver, {log.origin(), piece.first + piece.entries.size(), c.hole_of(piece).end});
  return {};
}

// One liar must not end it for those who have what was there: they are asked without him, or in another order.
void Mender::take_too_much(Case& c, Instant monotonic) {
  ++c.tries;
  if (c.givers.size() == 1) {
    c.too_much.by.insert(c.givers.front());
  } else {
    ++c.too_much.by_several;
    c.wait_until = monotonic + next_try_after;
  }
  c.begin(std::exchange(c.holes, {}));
}

// Each try begins with another one, and every second round of tries goes the other way about, so that any two come to
// be asked one after the other: whoever lies only as the second of two spoils no more than that try.
std::optional<SiteName> Mender::giver_for(const Case& c, const std::vector<SiteName>& honest) const {
  const std::size_t n = honest.size();
  if (c.goes_on) {
    const bool is_there = std::ranges::find(honest, c.asked.back()) != honest.end();
    if (is_there) return c.asked.back();
  }
  for (std::size_t i = 0; i < n; ++i) {
    const std::size_t at = (c.tries + i) % n;
    const SiteName& site = honest[c.tries / n % 2 == 0 ? at : n - 1 - at];
    if (std::ranges::find(c.asked, site) == c.asked.end()) return site;
  }
  return std::nullopt;
}

// Nothing is wanted before more is hashed; or nothing can be.
Status Mender::go_on_hashing(journal::Log& log, Case& c, std::uint64_t bytes) {
  c.begin({});
  const std::uint64_t before = log.hashed_size();
  const auto hashed = log.hash_on(bytes);
  if (!hashed && hashed.error().code.starts_with("base/disk")) return pass_on(hashed.error());
  if (log.hashed_size() > before) goes_on_ = true;
  if (log.has_suspicion()) return {};  // a read has failed: its hole is not known yet
  const bool is_stuck = !hashed || (log.hashed_size() == before && !*hashed) || (*hashed && log.has_holes());
  if (is_stuck && log.wanted().empty())
    tell_hopeless(log, c, log.has_holes() ? MendTold::What::unprovable : MendTold::What::refuted);
  return {};
}

void Mender::take(const SiteName& from, Found found) {
  const auto it = cases_.find(found.origin);
  if (it == cases_.end()) return;
  Case& c = it->second;
  if (std::ranges::find(c.asked, from) == c.asked.end()) return;
  const bool is_late = c.asked.back() != from;  // then another has been asked meanwhile
  if (is_late && found.entries.empty()) return;
  journal::Piece* piece = c.unfinished();
  if (piece == nullptr || found.first != piece->first + piece->entries.size()) return;
  c.has_answered = c.has_answered || !is_late;
  if (found.entries.empty()) {  // he cannot help; the next one is asked soon
    c.wait_until = c.wait_until - c.patience + next_holder_after;
    return;
  }
  const journal::Hole hole = c.hole_of(*piece);
  if (found.entries.size() > hole.end - found.first) {
    liars_[found.origin].insert(from);
    told_.push_back({MendTold::What::lied, found.origin, hole, 0, {from}});
    c.wait_until = {};
    return;
  }
  std::size_t bytes = 0;
  for (const Bytes& entry : found.entries) bytes += entry.size();
  const bool is_full = bytes + journal::entry_bytes_max > chunk_bytes || found.entries.size() >= found_entries_max;
  c.bytes += bytes;
  if (c.givers.empty() || c.givers.back() != from) c.givers.push_back(from);
  std::ranges::move(found.entries, std::back_inserter(piece->entries));
  // Who gives less than fits has no more of this, or wants to be waited for: the next one is asked for the rest.
  c.goes_on = is_full || piece->first + piece->entries.size() == hole.end;
  c.wait_until = {};
}

Status Mender::put_back(journal::Log& log, Case& c, Instant monotonic) {
  const Status mended = log.mend(c.pieces);
  const std::vector<journal::Hole> holes = c.holes;
  const std::vector<SiteName> givers = c.givers;
  const std::size_t bytes = c.bytes;
  c.begin({});
  c.wait_until = {};
  if (mended) {
    c.tries = 0;
    c.is_told_hopeless = false;
    for (const journal::Hole& hole : holes) {
      known_[log.origin()].erase(hole.first);
      told_.push_back({MendTold::What::mended, log.origin(), hole, &hole == &holes.front() ? bytes : 0, givers});
    }
    for (const SiteName& site : std::exchange(c.too_much, {}).by) {
      liars_[log.origin()].insert(site);
      told_.push_back({MendTold::What::lied, log.origin(), holes.front(), 0, {site}});
    }
    return {};
  }
  if (mended.error().code.starts_with("base/disk")) return mended;
  ++c.tries;
  if (mended.error().code == "journal/bad_entries" && givers.size() == 1) {
    liars_[log.origin()].insert(givers.front());
    told_.push_back({MendTold::What::lied, log.origin(), holes.front(), 0, givers});
  } else {
    c.wait_until = monotonic + next_try_after;  // of several, nobody knows who lied
  }
  return {};
}

Found found_in(journal::Log* log, const Missing& missing, std::uint64_t limit) {
  Found out{missing.origin, missing.first, {}};
  if (log == nullptr) return out;
  const std::uint64_t end = std::min({missing.end, limit, log->durable_size()});
  if (missing.first >= end) return out;
  std::size_t bytes = 0;
  constexpr std::string_view full = "sync/chunk_full";
  // What cannot be read here ends the answer as well: the asker turns to another.
  const Status scanned = log->scan(missing.first, end, [&](EntryIndex, ByteView body) -> Status {
    if (!out.entries.empty() && (bytes + body.size() > chunk_bytes || out.entries.size() == found_entries_max))
      return fail(full, "");
    bytes += body.size();
    out.entries.push_back(to_bytes(body));
    return {};
  });
  (void)scanned;
  return out;
}

}  // namespace holdfast::sync
