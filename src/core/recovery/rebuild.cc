#include "core/recovery/rebuild.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/base/mutant.h"

namespace holdfast::recovery {

Rebuild::Rebuild(const chain::ChainFile& file, chain::Certificate certificate)
    : file_(file), certificate_(std::move(certificate)), mirrors_(0), keys_(file) {
  if (const chain::Site* site = file_.find(certificate_.site)) mirrors_ = site->mirrors.size();
}

void Rebuild::sealed(const SiteName& mirror, const sync::Known& known) {
  if (known.site != certificate_.site || known.sealed_for != certificate_.epoch) return;
  if (!file_.is_mirror(mirror, certificate_.site)) return;
  for (const std::string& note : known.registrations) {
    auto registration = chain::open_registration(file_, note);
    if (!registration || registration->certificate.site != certificate_.site ||
        registration->certificate.epoch >= certificate_.epoch)
      continue;
    // One that is revoked may have been registered before: an honest mirror of those that show it says so.
    const bool is_revoked = file_.is_revoked(certificate_.site, registration->certificate.epoch);
    std::set<SiteName>& by = shown_by_[registration->certificate.note];
    by.insert(mirror);
    if (!is_revoked || by.size() > file_.lying_mirrors) keys_.add(*registration);
  }
  // What it has sealed does not grow, and its first word is the one that counts.
  if (sealed_.try_emplace(mirror, known.held).second) fetched_.clear();  // compared with what it has shown, too
}

bool Rebuild::is_begun() const {
  return std::ranges::any_of(sealed_, [&](const auto& each) {
    return std::ranges::any_of(
        each.second, [&](const sync::HeldEpoch& h) { return h.origin == certificate_.origin() && h.size > 0; });
  });
}

Result<Choice> Rebuild::choose(const sync::KeyRing& keys) const {
  if (sealed_.size() < file_.quorum)
    return fail("recovery/no_quorum",
                fmt::format("{} of {} mirrors have sealed the old epoch of {}; {} are needed. Bring one more mirror "
                            "within reach",
                            sealed_.size(), mirrors_, certificate_.site.view(), file_.quorum));
  if (certificate_.clean_point) return choose_clean_point(keys);
  // The newest epoch that a mirror has registered; unless none that has sealed holds an entry of it. Then nothing of it
  // was ever cosigned: it stayed short of q or did not begin, and what its machine has is a tail (5.4).
  Origin origin = keys_.newest_origin(certificate_.site);
  for (; origin.epoch > 1; --origin.epoch) {
    if (!keys_.log_key(origin)) continue;
    HF_TRY(Choice choice, choose(origin, keys));
    if (choice.kept_size > 0) return choice;
  }
  return choose(origin, keys);
}

// By its owner's key; or by that of a successor, which has closed the journal at the size that it kept.
std::optional<journal::SignedCheckpoint> Rebuild::opened(const Origin& origin, const std::string& note) const {
  const auto key = keys_.log_key(origin);
  if (note.empty() || !key) return std::nullopt;
  auto by_owner = journal::open_checkpoint(note, *key);
  if (by_owner && by_owner->checkpoint.origin == origin) return std::move(*by_owner);
  for (std::uint32_t epoch = origin.epoch + 1; epoch <= keys_.newest_epoch(origin.site); ++epoch) {
    const chain::Registration* r = keys_.registration(origin.site, epoch);
    if (r == nullptr || r->old_origin != origin) continue;
    auto closing = journal::open_checkpoint(note, r->certificate.keys.log);
    if (closing && closing->checkpoint == journal::Checkpoint{origin, r->kept_size, r->kept_root})
      return std::move(*closing);
  }
  return std::nullopt;
}

Rebuild::Shown Rebuild::shown(const Origin& origin, const sync::KeyRing& keys) const {
  Shown out;
  for (const auto& [mirror, held] : sealed_) {
    if (unfit_.contains(mirror)) {
      ++out.unfit;
      continue;
    }
    for (const sync::HeldEpoch& h : held) {
      if (h.origin != origin) continue;
      // A mirror whose power failed between entries and their checkpoint has stored more than was signed; it has
      // cosigned none of that, so it holds what its checkpoint says.
      const auto head = opened(origin, h.note);
      if (!head || head->checkpoint.size == 0 || head->checkpoint.size > h.size) continue;
      if (unreadable_.contains(mirror))
        ++out.unreadable;
      else
        out.held[mirror] = {head->checkpoint.size, head->checkpoint.root};
      const auto cosigned = opened(origin, h.cosigned);
      if (cosigned && keys.is_cosigned(*cosigned))
        out.cosigned.push_back({cosigned->checkpoint.size, cosigned->checkpoint.root});
    }
  }
  std::ranges::sort(out.cosigned, {}, &Head::size);
  return out;
}

std::set<std::uint64_t> Rebuild::named_sizes(const Origin& origin) const {
  std::set<std::uint64_t> out;
  for (const auto& [mirror, held] : sealed_)
    for (const sync::HeldEpoch& h : held) {
      if (h.origin != origin) continue;
      if (const auto head = opened(origin, h.note)) out.insert(head->checkpoint.size);
      if (const auto cosigned = opened(origin, h.cosigned)) out.insert(cosigned->checkpoint.size);
    }
  return out;
}

void Rebuild::fetched(const Origin& origin, std::uint64_t size, std::map<std::uint64_t, Hash> roots) {
  fetched_.push_back({origin, size, std::move(roots)});
}

bool Rebuild::Fetched::holds(const Head& head) const {
  const auto root = roots.find(head.size);
  return root != roots.end() && root->second == head.root;
}

std::ptrdiff_t Rebuild::honest_holders(const Shown& shown) const {
  return static_cast<std::ptrdiff_t>(file_.quorum + sealed_.size()) -
         static_cast<std::ptrdiff_t>(shown.unreadable + mirrors_ + file_.lying_mirrors);
}

// See "Two histories" in the header: `history` holds the longest cosigned checkpoint that is shown, and all others.
bool Rebuild::keeps_all_cosigned(const Fetched& history, const Shown& shown) const {
  if (!std::ranges::all_of(shown.cosigned, [&](const Head& head) { return history.holds(head); })) return false;
  const Head cosigned = shown.cosigned.empty() ? Head{} : shown.cosigned.back();
  // It contradicts that one: the two differ at the smaller of their sizes.
  const auto is_refuted = [&](const Head& head) {
    if (head.size <= cosigned.size) return !history.holds(head);
    return std::ranges::any_of(fetched_, [&](const Fetched& other) {
      return other.origin == history.origin && other.holds(head) && !other.holds(cosigned);
    });
  };
  const auto others = std::ranges::count_if(shown.held, [&](const auto& held) {
    return !history.holds(held.second) && (cosigned.size == 0 || !is_refuted(held.second));
  });
  return others < honest_holders(shown) || HF_MUTANT(9);
}

Choice Rebuild::choice_of(const Origin& origin, const Head& head, const Shown& shown) const {
  Choice out;
  out.old_origin = origin;
  out.kept_size = head.size;
  out.kept_root = head.size == 0 ? sha256(ByteView()) : head.root;
  for (const chain::Site& site : file_.sites) {
    const auto it = shown.held.find(site.name);
    if (it != shown.held.end() && it->second == head) out.holders.push_back(site.name);
  }
  take_announced(out);
  return out;
}

// A mirror may lie about when it heard; what the site has announced is what its own key has signed.
void Rebuild::take_announced(Choice& choice) const {
  const auto key = keys_.log_key(choice.old_origin);
  const auto is_signed = [&](const sync::Heartbeat& beat) {
    return key && beat.origin == choice.old_origin && beat.signature &&
           ed25519_verify(*key, sync::heartbeat_text(beat), *beat.signature);
  };
  for (const auto& [mirror, held] : sealed_)
    for (const sync::HeldEpoch& h : held) {
      if (h.origin != choice.old_origin) continue;
      choice.heard_at = std::max(choice.heard_at, h.heard_at);
      if (!h.beat || h.beat->size <= choice.announced || !is_signed(*h.beat)) continue;
      choice.announced = h.beat->size;
      choice.announced_at = h.beat->at;
    }
}

Result<Choice> Rebuild::choose(const Origin& old_origin, const sync::KeyRing& keys) const {
  const Shown shown = this->shown(old_origin, keys);
  if (shown.unfit > file_.lying_mirrors)
    return fail("recovery/unfit_mirrors",
                fmt::format("{} mirrors cannot give what they say that they hold of {}, more than this chain bears. "
                            "Bring another mirror within reach, or choose a clean point that mirrors agree on",
                            shown.unfit, old_origin.text()));
  if (shown.unreadable > 0 && honest_holders(shown) < 1)
    return fail("recovery/unreadable_mirror",
                fmt::format("{} of the {} mirrors that have sealed cannot read all of what they hold of {}, and the "
                            "others are too few to tell what was cosigned. Bring another mirror within reach, or wait "
                            "until that one has put its copy right, and rebuild again",
                            shown.unreadable, sealed_.size(), old_origin.text()));
  if (shown.held.empty()) {
    Choice nothing = choice_of(old_origin, {}, shown);
    nothing.is_settled = true;
    return nothing;
  }
  const auto is_longer = [](std::uint64_t a, std::uint64_t b) { return HF_MUTANT(9) ? a < b : a > b; };
  const Head* kept = nullptr;
  const Head* next = nullptr;
  for (const auto& [mirror, head] : shown.held) {
    const auto here =
        std::ranges::find_if(fetched_, [&](const Fetched& f) { return f.origin == old_origin && f.holds(head); });
    if (here == fetched_.end()) {
      if (next == nullptr || is_longer(head.size, next->size)) next = &head;
    } else if (here->size == head.size && keeps_all_cosigned(*here, shown)) {
      if (kept == nullptr || is_longer(head.size, kept->size)) kept = &head;
    }
  }
  if (kept == nullptr && next == nullptr)
    return fail("recovery/two_histories",
                fmt::format("{} has two signed histories, and what the {} of {} mirrors that have sealed hold does not "
                            "tell which of them was cosigned. {}hoose a clean point that stands in both (holdfast "
                            "recovery sign --clean-point), and rebuild with that certificate",
                            old_origin.text(), sealed_.size(), mirrors_,
                            all_sealed() ? "C" : "Bring the other mirrors within reach; if they are gone, c"));
  Choice choice = choice_of(old_origin, kept != nullptr ? *kept : *next, shown);
  choice.is_settled = kept != nullptr;
  return choice;
}

// By its size only: people have chosen it, and what lies behind it in one history or the other is for them to see.
Result<Choice> Rebuild::choose_clean_point(const sync::KeyRing& keys) const {
  const auto& [origin, size] = *certificate_.clean_point;
  const Shown shown = this->shown(origin, keys);
  Choice out = choice_of(origin, {size, {}}, shown);
  out.is_settled = true;
  out.root_is_signed = false;
  for (const chain::Site& site : file_.sites) {
    const auto it = shown.held.find(site.name);
    if (it == shown.held.end() || it->second.size < size) continue;
    out.holders.push_back(site.name);
    if (it->second.size > size) continue;
    out.root_is_signed = true;
    out.kept_root = it->second.root;
  }
  if (out.holders.empty() && size > 0)
    return fail("recovery/no_history",
                fmt::format("no mirror that has sealed holds {} up to the clean point {}", origin.text(), size));
  return out;
}

void Rebuild::add_up(Choice& choice) const {
  take_announced(choice);
  for (const auto& [mirror, held] : sealed_)
    for (const sync::HeldEpoch& h : held)
      if (const auto head = h.origin == choice.old_origin ? opened(h.origin, h.note) : std::nullopt)
        choice.announced = std::max(choice.announced, head->checkpoint.size);
}

Bytes encode(const Record& r) {
  Writer out;
  out.text("holdfast recovery record v1");
  out.text(r.choice.old_origin.text());
  out.u64(r.choice.kept_size);
  out.raw(r.choice.kept_root);
  out.u64(r.choice.announced);
  out.i64(r.choice.announced_at.unix_ns);
  out.i64(r.choice.heard_at.unix_ns);
  out.u64(r.entries_fetched);
  out.u64(r.bytes_fetched);
  return out.take();
}

Result<Record> decode_record(ByteView bytes) {
  Reader in(bytes);
  Record r;
  const bool ours = in.text() == "holdfast recovery record v1";
  auto origin = parse_origin(in.text());
  r.choice.kept_size = in.u64();
  r.choice.kept_root = in.array<32>();
  r.choice.announced = in.u64();
  r.choice.announced_at = {in.i64()};
  r.choice.heard_at = {in.i64()};
  r.entries_fetched = in.u64();
  r.bytes_fetched = in.u64();
  if (!ours || !origin || !in.at_end())
    return fail("recovery/bad_record", "recovery.hfr is not a recovery record of ours");
  r.choice.old_origin = *origin;
  return r;
}

}  // namespace holdfast::recovery
