// What a spare has and its node lacks, on its way back: after a start on an old disk, and of an epoch that ended
// (protocol 3.2, 5.3, 10.1).
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <ranges>

#include "core/node/closing.h"
#include "core/node/node.h"
#include "core/node/spare_copy.h"

namespace holdfast::node {
namespace {
constexpr Duration mend_patience = seconds(1);  // with a hole in what nobody has signed

std::string given_path(const Origin& origin) { return fmt::format("copy/{}/given", origin.epoch); }
}  // namespace

// "00000000000000000042-7": first entry and count.
std::string Spare::piece_name(const Origin& origin, EntryIndex first, std::uint64_t count) {
  return fmt::format("copy/{}/{:020}-{}", origin.epoch, first, count);
}
std::optional<std::pair<EntryIndex, std::uint64_t>> Spare::piece_of(std::string_view name) {
  std::pair<EntryIndex, std::uint64_t> out;
  const std::size_t dash = name.find('-');
  if (dash == std::string_view::npos) return std::nullopt;
  const auto number = [](std::string_view text, std::uint64_t& into) {
    const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), into);
    return error == std::errc() && stop == text.data() + text.size();
  };
  if (!number(name.substr(0, dash), out.first) || !number(name.substr(dash + 1), out.second)) return std::nullopt;
  return out;
}

// The epochs before ended at what their successors kept. What a copy here has beyond is given to the node, at each
// greeting until that has taken it: also what the old machine had signed, because no mirror may have heard of it. The
// oldest first, for a later one may refund what it sold; the last may be several back, where machines of the site were
// lost while this spare was waiting for a certificate.
Status Spare::give_ended() {
  std::vector<const chain::Registration*> line;
  std::uint32_t epoch = copy_->origin().epoch;
  while (const chain::Registration* r = keys_.registration(me_->name, epoch)) {
    if (r->old_origin.epoch >= epoch) break;
    line.push_back(r);
    epoch = r->old_origin.epoch;
  }
  for (const chain::Registration* r : std::views::reverse(line)) {
    sync::Replica* old = replicas_.find(r->old_origin);
    if (old == nullptr || gave_ended_.contains(r->old_origin)) continue;
    HF_TRY(const std::optional<bool> differs, differs_from_kept(*old, *r));
    const std::uint64_t from = std::max(r->kept_size, given_below(r->old_origin));
    const bool has_more = !differs.value_or(true) && old->signed_size() > from;
    HF_TRY_VOID(list_to_give(old->log(), r->kept_size, has_more ? std::optional(from) : std::nullopt));
    if (giving_back_) return give_on();
  }
  return {};
}

// The node goes on from less than we hold, or from something else, after a start. What is under its checkpoint stands;
// the rest it gets back, to take in by its keys (3.2), and then we follow it.
Status Spare::on(const sync::SpareDiffers& m) {
  if (m.origin != copy_->origin() || is_giving(m.origin)) return {};  // it is asked again when that is done
  if (copy_->durable_size() <= noted())
    return fail("sync/contradiction",
                "the node's journal contradicts what it had signed when this spare took it; the copy stays as it is");
  return give_back();
}

// Beyond what the node has signed, and from there on nothing is hashed, and the node has not filled it in: it may not
// have it, and where the record's header is gone, too, nothing would prove what it gave. Below, it waits for the node.
bool Spare::is_hole_for_good() const {
  if (!copy_ || is_copy_hashed() || copy_->hashed_size() < noted() || monotonic_ - greeted_at_ < mend_patience)
    return false;
  return std::ranges::any_of(copy_->holes(),
                             [this](const journal::Hole& hole) { return hole.end > copy_->hashed_size(); });
}

Status Spare::give_back() {
  HF_TRY_VOID(list_to_give(*copy_, noted()));
  if (giving_back_) return give_on();
  if (!is_copy_hashed()) return follow_again();
  return fail("sync/contradiction", "the node's journal is not the one that this spare holds");
}

// From all pieces behind that place which the copy has to their end.
Status Spare::list_to_give(journal::Log& log, std::uint64_t from, std::optional<EntryIndex> signed_from) {
  const Origin& origin = log.origin();
  HF_TRY(const std::vector<std::string> names, disk_.list(fmt::format("copy/{}", origin.epoch)));
  GivingBack out{origin, {}, {}, signed_from, {}, 0, monotonic_};
  for (const std::string& name : names) {
    const auto piece = piece_of(name);
    if (!piece || piece->first + piece->second <= from || piece->first + piece->second > log.durable_size()) continue;
    out.waiting.insert(*piece);
  }
  giving_back_ = out.waiting.empty() && !out.signed_from ? std::nullopt : std::optional(std::move(out));
  return {};
}

// What the key of an ended epoch had signed beyond what was kept, piece by piece under its checkpoints. A hole ends it
// until the next greeting.
Status Spare::give_signed() {
  GivingBack& giving = *giving_back_;
  while (giving.signed_from && net_.unsent_bytes(*session_) < unsent_bytes_max) {
    auto chunk = sync::next_chunk(*log_of(giving.origin), *giving.signed_from, 0);
    if (!chunk && chunk.error().code != "sync/no_checkpoint" && chunk.error().code != "journal/damaged")
      return pass_on(chunk.error());
    if (!chunk) problem_ = chunk.error().text;
    if (!chunk || !*chunk) {
      giving.signed_from.reset();
      return {};
    }
    sync::Entries& entries = **chunk;
    giving.signed_offered.emplace(entries.first, entries.entries.size());
    giving.signed_from = entries.first + entries.entries.size();
    giving.at = monotonic_;
    send(sync::Tail{entries.origin, entries.first, std::move(entries.entries), std::nullopt, std::move(entries.note)});
  }
  return {};
}

// How far the epoch of our copy has taken what was signed of an ended one; a file, because the same is not given at
// each greeting. What another epoch had taken may have gone with that.
std::uint64_t Spare::given_below(const Origin& origin) const {
  const auto bytes = disk_.read_all(given_path(origin));
  if (!bytes) return 0;
  Reader in(*bytes);
  const std::uint32_t to = in.u32();
  const std::uint64_t below = in.u64();
  return in.at_end() && to == copy_->origin().epoch ? below : 0;
}

// The next of them with their signatures, not more at once than a link takes: two weeks' sales are. Of those that
// cannot be read it says how many entries are in them: no other disk has them, so whoever waited for them would wait
// for ever.
Status Spare::give_on() {
  if (!giving_back_ || !session_ || !is_greeted_) return {};
  GivingBack& giving = *giving_back_;
  journal::Log* log = log_of(giving.origin);
  HF_TRY_VOID(give_signed());
  while (!giving.waiting.empty() && net_.unsent_bytes(*session_) < unsent_bytes_max) {
    const auto piece = *giving.waiting.begin();
    giving.waiting.erase(giving.waiting.begin());
    HF_TRY(std::optional<sync::Tail> tail, piece_to_give(*log, piece));
    if (!tail) {
      giving.lost += piece.second;
      continue;
    }
    giving.offered.insert(piece);
    giving.at = monotonic_;
    send(std::move(*tail));
  }
  if (!giving.waiting.empty() || !giving.offered.empty()) return {};
  if (giving.signed_from || !giving.signed_offered.empty()) return {};
  const GivingBack done = *std::exchange(giving_back_, std::nullopt);
  if (done.lost > 0)
    problem_ = fmt::format(
        "{} entries of {} that perhaps only this spare had cannot be read from its disk any more; what was sold there "
        "comes back when tills send it again",
        done.lost, done.origin.text());
  if (done.origin == copy_->origin()) return follow_again();
  gave_ended_.insert(done.origin);  // as far as it can be read
  return give_ended();
}

// nullopt: it, or the node's signature over it, cannot be read.
Result<std::optional<sync::Tail>> Spare::piece_to_give(journal::Log& log, std::pair<EntryIndex, std::uint64_t> piece) {
  const auto [first, count] = piece;
  const Result<Bytes> signature = disk_.read_all(piece_name(log.origin(), first, count));
  sync::Tail tail{log.origin(), first, {}, signature ? array_from<64>(*signature) : std::nullopt, {}};
  const Status read = log.scan(first, first + count, [&](EntryIndex, ByteView body) -> Status {
    tail.entries.push_back(to_bytes(body));
    return {};
  });
  if (!read && read.error().code != "journal/damaged") return pass_on(read.error());
  return read && tail.signature ? std::optional(std::move(tail)) : std::nullopt;
}

Status Spare::on(const sync::TailTaken& m) {
  if (!giving_back_ || giving_back_->origin != m.origin) return {};
  auto& signed_offered = giving_back_->signed_offered;
  if (const auto taken = signed_offered.find(m.first); taken != signed_offered.end() && taken->second == m.count) {
    // They are taken in the order in which they were given.
    const std::uint64_t below = m.first + m.count;
    if (taken == signed_offered.begin() && below > given_below(m.origin)) {
      Writer out;
      out.u32(copy_->origin().epoch);
      out.u64(below);
      HF_TRY_VOID(disk_.write_all(given_path(m.origin), out.view()));
    }
    signed_offered.erase(taken);
    giving_back_->at = monotonic_;
    return give_on();
  }
  const auto given = giving_back_->offered.find(m.first);
  if (given == giving_back_->offered.end() || given->second != m.count) return {};
  const std::uint64_t count = given->second;
  giving_back_->offered.erase(given);
  giving_back_->at = monotonic_;
  if (m.origin != copy_->origin()) HF_TRY_VOID(disk_.remove(piece_name(m.origin, m.first, count)));
  return give_on();
}

// The node has what was only here, as far as it can be read. From what it has signed on it is followed.
Status Spare::follow_again() {
  const std::uint64_t stays = noted();
  if (copy_->hashed_size() < stays) return {};
  if (copy_->durable_size() > stays) HF_TRY_VOID(copy_->rewind(stays));
  for (const auto& [first, count] : pieces_) HF_TRY_VOID(disk_.remove(piece_path(copy_->origin(), first)));
  pieces_.clear();
  HF_TRY_VOID(give_ended());  // this may have come between
  return ask_for_copy();
}

}  // namespace holdfast::node
