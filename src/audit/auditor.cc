#include "audit/auditor.h"

#include <flatbuffers/flatbuffers.h>

#include <algorithm>
#include <utility>

#include "schema/links_generated.h"

namespace holdfast::audit {

const Lineage& Evidence::lineage_of_site(const std::string& site) const {
  static const Lineage none;
  const auto it = lineages.find(site);
  return it == lineages.end() ? none : it->second;
}

bool Evidence::is_given_up(const std::string& origin, EntryIndex index) const {
  const auto it = given_up.find(origin);
  return it != given_up.end() && index >= it->second;
}

Auditor::Auditor(ChainFacts chain) {
  evidence_.chain = std::move(chain);
  for (auto* make :
       {&acknowledged_is_kept, &cosigned_is_kept, &mirror_holds_what_it_signed, &quorum_has_signed, &nothing_twice,
        &receipts_have_no_gap, &cut_passes_nothing, &started_node_asks, &epochs_are_given_once, &money_and_stock_add_up,
        &known_lost_is_lost, &followers_agree, &all_is_well_at_the_end})
    laws_.push_back((*make)());
}

void Auditor::knows(const MachineFacts& machine) { evidence_.machines[machine.name] = machine; }

void Auditor::asked(const std::string& site, const WriteId& id, const Asked& what) {
  evidence_.asked[site].try_emplace(id, what);  // a retry asks for the same
}

void Auditor::answered(const std::string& site, const WriteId& id, const Answer& answer) {
  evidence_.answered[site][id] = answer;
  each([&](Law& law) { law.answered(site, id, answer); });
}

// Every signature is verified here again. Nothing: it is no note of a journal of this chain, or was seen before.
std::optional<CosignedNote> Auditor::look_at_note(std::string_view text) {
  if (!notes_seen_.insert(sha256_of(as_bytes(text))).second) return std::nullopt;
  const auto note = read_note(text);
  const auto checkpoint = note ? read_checkpoint(*note) : std::nullopt;
  const auto parts = checkpoint ? parts_of(checkpoint->origin, evidence_.chain.chain) : std::nullopt;
  const SiteFacts* owner = parts ? evidence_.chain.find(parts->site) : nullptr;
  if (owner == nullptr) return std::nullopt;
  CosignedNote out{*checkpoint, false, 0, quorum_of(owner->mirrors.size()), {}};
  std::set<std::string> mirrors;
  for (const auto& [name, machine] : evidence_.machines) {
    if (machine.is_thief) continue;  // his keys are another's
    if (machine.origin == checkpoint->origin)
      out.is_owners = out.is_owners || is_signed(*note, checkpoint->origin, machine.log);
    if (machine.is_spare || mirrors.contains(machine.site) ||
        std::ranges::find(owner->mirrors, machine.site) == owner->mirrors.end())
      continue;
    const Bytes* signature = cosignature_in(*note, evidence_.chain.chain + "/" + machine.site, machine.cosign);
    if (signature == nullptr) continue;
    mirrors.insert(machine.site);
    out.by[name] = *signature;
  }
  out.mirrors = mirrors.size();
  return out;
}

void Auditor::heard(const Sent& sent, ByteView bytes) {
  const auto from = evidence_.machines.find(sent.from), to = evidence_.machines.find(sent.to);
  if (from == evidence_.machines.end() || to == evidence_.machines.end()) return;
  flatbuffers::Verifier verifier(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
  if (!fbs::VerifyMessageBuffer(verifier)) return;
  const Letter letter{&from->second,
                      &to->second,
                      sent.sent_ns,
                      sent.now_ns,
                      sent.connection,
                      sent.finds_sleeper,
                      fbs::GetMessage(bytes.data())};
  each([&](Law& law) { law.heard(evidence_, letter); });
  if (const auto* m = letter.message->body_as_Cosigned(); m != nullptr && m->note() != nullptr)
    called_cosigned(from->second, m->note()->string_view());
  if (const auto* m = letter.message->body_as_Known(); m != nullptr && m->held() != nullptr)
    for (const fbs::HeldEpoch* held : *m->held())
      if (held->cosigned() != nullptr && held->cosigned()->size() > 0)
        called_cosigned(from->second, held->cosigned()->string_view());
}

void Auditor::called_cosigned(const MachineFacts& by, std::string_view text) {
  const std::optional<CosignedNote> note = look_at_note(text);
  if (!note) return;
  each([&](Law& law) { law.called_cosigned(evidence_, by, *note); });
  // A thief may show first what others are to be asked for when they call it cosigned.
  if (!note->holds() && by.is_thief) notes_seen_.erase(sha256_of(as_bytes(text)));
  if (note->holds())
    evidence_.cosigned[note->checkpoint.origin].try_emplace(note->checkpoint.size, note->checkpoint.root);
}

bool Auditor::has_seen_fraud(const std::string& origin, const Files& files) const {
  const auto cosigned = evidence_.cosigned.find(origin);
  if (cosigned == evidence_.cosigned.end()) return false;
  const auto journals = read_journals(files);
  const auto journal = journals.find(origin);
  if (journal == journals.end()) return true;
  std::set<std::uint64_t> sizes;
  for (const auto& [size, root] : cosigned->second) sizes.insert(size);
  const auto roots = roots_at(journal->second, sizes);
  return std::ranges::any_of(cosigned->second, [&](const auto& each) {
    const auto root = roots.find(each.first);
    return root == roots.end() || root->second != each.second;
  });
}

void Auditor::started(const std::string& machine, std::int64_t now_ns) {
  each([&](Law& law) { law.started(machine, now_ns); });
}
void Auditor::set_back(const std::string& machine, std::int64_t now_ns) {
  if (const auto it = evidence_.machines.find(machine); it != evidence_.machines.end())
    each([&](Law& law) { law.set_back(it->second, now_ns); });
}
void Auditor::cut(const std::string& machine, const std::string& site, std::int64_t now_ns) {
  each([&](Law& law) { law.cut(machine, site, now_ns); });
}
void Auditor::healed(const std::string& machine, const std::string& site) {
  each([&](Law& law) { law.healed(machine, site); });
}

void Auditor::look_at(const std::string& machine, const Files& files) {
  const auto it = evidence_.machines.find(machine);
  if (it == evidence_.machines.end()) return;
  const std::map<std::string, Journal> journals = read_journals(files);
  each([&](Law& law) { law.looked_at(it->second, journals); });
}

void Auditor::at_rest(std::vector<Told> told) {
  evidence_.told = std::move(told);
  for (const Told& each_told : evidence_.told) {
    const auto& disk = evidence_.disks[each_told.site] = read_journals(each_told.files);
    evidence_.lineages[each_told.site] = lineage_of(disk, evidence_.chain.chain, each_told.site);
  }
  each([&](Law& law) {
    if (evidence_.overrun.empty() || law.outlives_fraud()) law.at_rest(evidence_);
  });
}

std::uint64_t Auditor::cosigned() const {
  std::uint64_t count = 0;
  for (const auto& [origin, notes] : evidence_.cosigned) count += notes.size();
  return count;
}

std::string Auditor::broken() const {
  for (const auto& law : laws_)
    if (!law->broken.empty()) return law->broken;
  return {};
}

std::string Auditor::broken_of(std::string_view name) const {
  for (const auto& law : laws_)
    if (law->name() == name) return law->broken;
  return {};
}

std::vector<Auditor::Count> Auditor::counts() const {
  std::vector<Count> out;
  out.reserve(laws_.size());
  for (const auto& law : laws_) out.push_back({law->name(), law->exercised});
  return out;
}

}  // namespace holdfast::audit
