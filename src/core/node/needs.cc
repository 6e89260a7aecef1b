#include "core/node/needs.h"

#include <utility>
#include <variant>

#include "core/fold/pipeline.h"

namespace holdfast::node {

void Needs::add(const Origin& origin, std::uint64_t size, const Hash& root, std::optional<EntryRef> by) {
  if (size == 0) return;
  Need& need = all_[origin];
  if (need.size >= size) return;
  need.size = size;  // what is under way goes on
  need.root = root;
  need.named_by = std::move(by);
  need.met = false;
}

// What a journal of ours rests on: earlier epochs, and every prefix of a peer that it followed (7.2).
Status Needs::discover(journal::Log& log, std::uint64_t size) {
  fold::Pipeline pipeline(executor_, [&](EntryIndex i, fold::Event&& event) { return note(event, {log.origin(), i}); });
  HF_TRY_VOID(log.scan(0, size, [&](EntryIndex i, ByteView body) { return pipeline.take(i, body); }));
  return pipeline.finish();
}

Status Needs::note(const fold::Event& event, const EntryRef& at) {
  if (const auto* opened = std::get_if<fold::EpochOpened>(&event.body);
      opened != nullptr && !opened->registration.empty()) {
    HF_TRY(const chain::Registration r, chain::open_registration(chain_, opened->registration));
    keys_.add(r);
    add(r.old_origin, r.kept_size, r.kept_root);
  } else if (const auto* taken = std::get_if<fold::RegistrationTaken>(&event.body)) {
    // One that counts no longer (9.1: of recovery keys that were replaced after a theft) is nobody's epoch; but what
    // was followed of it is needed, and known by its root.
    if (const auto r = chain::open_registration(chain_, taken->registration)) {
      keys_.add(*r);
    } else if (const auto old = chain::parse_registration(taken->registration)) {
      former_keys_[old->certificate.origin()] = old->certificate.keys.log;
    }
  } else if (const auto* followed = std::get_if<fold::PeerFollowed>(&event.body)) {
    for (const fold::FollowedPrefix& p : followed->peers)
      if (is_of_a_peer(p.origin)) add(p.origin, p.size, p.root, at);
  } else if (const auto* succeeded = std::get_if<fold::PeerSucceeded>(&event.body);
             succeeded != nullptr && is_of_a_peer(succeeded->old_origin) && contains(succeeded->old_origin)) {
    // It was followed, and is to its end.
    add(succeeded->old_origin, succeeded->kept_size, succeeded->kept_root, at);
  }
  return {};
}

bool Needs::are_met() const {
  return std::ranges::all_of(all_, [](const auto& need) { return need.second.met; });
}

Need* Needs::find(const Origin& origin) {
  const auto it = all_.find(origin);
  return it == all_.end() ? nullptr : &it->second;
}

void Needs::left(const SiteName& site) {
  for (auto& [origin, need] : all_) need.left(site);
}

std::optional<PublicKey> Needs::former_key(const Origin& origin) const {
  const auto former = former_keys_.find(origin);
  return former != former_keys_.end() && contains(origin) ? std::optional(former->second) : std::nullopt;
}

}  // namespace holdfast::node
