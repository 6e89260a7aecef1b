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
    if (registration && registration->certificate.site == certificate_.site &&
        registration->certificate.epoch < certificate_.epoch)
      keys_.add(*registration);
  }
  sealed_[mirror] = known.held;
}

Result<Choice> Rebuild::choose() const {
  if (sealed_.size() < file_.quorum)
    return fail("recovery/no_quorum",
                fmt::format("{} of {} mirrors have sealed the old epoch of {}; {} are needed. Bring one more mirror "
                            "within reach",
                            sealed_.size(), mirrors_, certificate_.site.view(), file_.quorum));
  if (certificate_.clean_point) return choose(certificate_.clean_point->first);
  // The newest epoch that a mirror has registered; unless none that has sealed holds an entry of it. Then nothing of it
  // was ever cosigned: it stayed short of q or did not begin, and what its machine has is a tail (5.4).
  Origin origin = keys_.newest_origin(certificate_.site);
  for (; origin.epoch > 1; --origin.epoch) {
    if (!keys_.log_key(origin)) continue;
    HF_TRY(Choice choice, choose(origin));
    if (choice.kept_size > 0) return choice;
  }
  return choose(origin);
}

Result<Choice> Rebuild::choose(const Origin& old_origin) const {
  Choice best;
  best.old_origin = old_origin;
  const auto key = keys_.log_key(best.old_origin);
  // A successor may have closed the journal at the size that it kept, with its own key.
  const auto open = [&](const sync::HeldEpoch& h) -> Result<journal::SignedCheckpoint> {
    auto by_owner = journal::open_checkpoint(h.note, *key);
    if (by_owner) return by_owner;
    for (std::uint32_t epoch = old_origin.epoch + 1; epoch <= keys_.newest_epoch(old_origin.site); ++epoch) {
      const chain::Registration* r = keys_.registration(old_origin.site, epoch);
      if (r == nullptr || r->old_origin != old_origin || r->kept_size != h.size) continue;
      auto closing = journal::open_checkpoint(h.note, r->certificate.keys.log);
      if (closing && closing->checkpoint.root == r->kept_root) return closing;
    }
    return by_owner;
  };
  for (const auto& [mirror, held] : sealed_) {
    for (const sync::HeldEpoch& h : held) {
      if (h.origin != best.old_origin) continue;
      if (h.announced > best.announced) {
        best.announced = h.announced;
        best.announced_at = h.announced_at;
      }
      best.heard_at = std::max(best.heard_at, h.heard_at);
      if (h.note.empty() || !key) continue;
      const auto c = open(h);
      if (!c || c->checkpoint.origin != best.old_origin || c->checkpoint.size != h.size) continue;
      if (HF_MUTANT(9) ? best.kept_size == 0 || h.size < best.kept_size : h.size > best.kept_size) {
        best.kept_size = h.size;
        best.kept_root = c->checkpoint.root;
      }
    }
  }
  if (certificate_.clean_point) {
    if (certificate_.clean_point->second > best.kept_size)
      return fail("recovery/no_history", fmt::format("no mirror that has sealed holds {} up to the clean point {}",
                                                     best.old_origin.text(), certificate_.clean_point->second));
    best.root_is_signed = best.kept_size == certificate_.clean_point->second;
    best.kept_size = certificate_.clean_point->second;
  }
  for (const chain::Site& site : file_.sites) {
    const auto it = sealed_.find(site.name);
    if (it == sealed_.end()) continue;
    for (const sync::HeldEpoch& h : it->second)
      if (h.origin == best.old_origin && h.size >= best.kept_size) best.holders.push_back(site.name);
  }
  if (best.kept_size == 0) best.kept_root = sha256(ByteView());
  return best;
}

void Rebuild::add_up(Choice& choice) const {
  for (const auto& [mirror, held] : sealed_) {
    for (const sync::HeldEpoch& h : held) {
      if (h.origin != choice.old_origin) continue;
      choice.heard_at = std::max(choice.heard_at, h.heard_at);
      if (h.announced > choice.announced) {
        choice.announced = h.announced;
        choice.announced_at = h.announced_at;
      }
      if (h.size > choice.announced) choice.announced = h.size;
    }
  }
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
