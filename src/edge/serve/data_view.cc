#include "edge/serve/data_view.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <thread>
#include <utility>

#include "core/base/read_file.h"
#include "core/fold/event.h"
#include "core/node/node.h"
#include "edge/keys/data_directory.h"

namespace holdfast::serve {
namespace {

constexpr int open_attempts = 20;  // of a journal that is being written to
constexpr auto open_pause = std::chrono::milliseconds(50);

}  // namespace

Result<std::unique_ptr<DataView>> DataView::open(const std::string& directory) {
  HF_TRY(const SiteName site, keys::read_site_marker(directory));
  HF_TRY(auto disk, edge::PosixDisk::open_root(directory));
  std::unique_ptr<DataView> view(new DataView(std::move(disk)));
  view->site_ = site;
  HF_TRY(view->file_, keys::read_chain_file(directory));
  for (const chain::Site& each : view->file_.sites) view->keys_[{each.name, 1}] = each.keys;
  return view;
}

Result<std::vector<Origin>> DataView::origins() {
  std::vector<Origin> out;
  HF_TRY(const auto sites, disk_->list("journals"));
  for (const std::string& name : sites) {
    const auto site = chain::site_name_of(name);
    if (!site) continue;
    HF_TRY(const auto epochs, disk_->list("journals/" + name));
    for (const std::string& text : epochs) {
      Origin origin{file_.chain, *site, 0};
      const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), origin.epoch);
      if (error == std::errc() && end == text.data() + text.size() && origin.epoch > 0) out.push_back(origin);
    }
  }
  std::ranges::sort(out);
  return out;
}

Result<Origin> DataView::newest_own() {
  HF_TRY(const auto all, origins());
  std::optional<Origin> newest;
  for (const Origin& origin : all) {
    if (origin.site == site_) newest = origin;
  }
  if (!newest)
    return fail("edge/no_journal",
                fmt::format("There is no journal of {} here yet: its node has not been started.", site_.view()));
  return *newest;
}

Result<std::unique_ptr<journal::Log>> DataView::open_journal(const Origin& origin) {
  HF_TRY(const auto all, origins());
  if (std::ranges::find(all, origin) == all.end()) {
    std::string known;
    for (const Origin& each : all) known += (known.empty() ? "" : ", ") + each.text();
    return fail("edge/no_journal",
                fmt::format("{} is not kept here; there are: {}.", origin.text(), known.empty() ? "none" : known));
  }
  std::vector<journal::Hole> holes;
  for (int attempt = 1;; ++attempt) {
    auto overlay = std::make_unique<OverlayDisk>(*disk_);
    auto log = journal::Log::open(*overlay, pool_, origin);
    // Records that become whole while they are read look like a hole, too; one that is there twice is one.
    const bool is_settled = log && std::exchange(holes, (*log)->holes()) == (*log)->holes();
    if (attempt == open_attempts || is_settled) {
      if (log) overlays_.push_back(std::move(overlay));
      return log;
    }
    std::this_thread::sleep_for(open_pause);
  }
}

void DataView::learn(const std::string& note) {
  auto registration = chain::open_registration(file_, note);
  // One that does not open is of another chain, forged, or of recovery keys that count no longer; so are its keys.
  const bool counts = registration.has_value();
  if (!counts) registration = chain::parse_registration(note);
  if (!registration) return;
  const chain::Certificate& certificate = registration->certificate;
  const std::pair number(certificate.site, certificate.epoch);
  if (const auto known = registered_.find(number); known == registered_.end() || !known->second.counts)
    registered_[number] = {certificate, registration->old_origin, counts, false};
  if (!counts) return;
  keys_[number] = certificate.keys;
  closing_keys_[{registration->old_origin, registration->kept_size}] = certificate.keys.log;
}

std::optional<PublicKey> DataView::closing_key(const Origin& origin, std::uint64_t size) const {
  const auto it = closing_keys_.find({origin, size});
  return it == closing_keys_.end() ? std::nullopt : std::optional(it->second);
}

Status DataView::learn_keys() {
  HF_TRY(const auto all, origins());
  for (const Origin& origin : all) {
    const bool is_own = origin.site == site_;
    if (!is_own && origin.epoch == 1) continue;
    auto log = open_journal(origin);
    if (!log) continue;  // verify tells what is wrong with it
    // Of peers, the first entry names the epoch's own registration; our own also say which ones we took as a mirror.
    const EntryIndex end = is_own ? (*log)->durable_size() : std::min<EntryIndex>((*log)->durable_size(), 1);
    EntryIndex next = 0;
    const auto look_at = [&](EntryIndex index, ByteView body) -> Status {
      next = index + 1;
      const auto event = fold::decode(body);
      if (!event) return {};
      if (const auto* opened = std::get_if<fold::EpochOpened>(&event->body);
          opened != nullptr && !opened->registration.empty()) {
        learn(opened->registration);
      }
      if (const auto* taken = std::get_if<fold::RegistrationTaken>(&event->body)) learn(taken->registration);
      return {};
    };
    while (next < end) {  // past what cannot be read; verify names it
      const Status looked = (*log)->scan(next, end, look_at);
      if (looked) break;
      if (looked.error().code != "journal/damaged") return looked;
      ++next;
    }
  }
  return {};
}

Result<std::vector<DataView::KnownCertificate>> DataView::certificates() {
  auto all = registered_;
  const auto add = [&](std::string_view path, bool is_waiting) -> Status {
    HF_TRY(const auto note, read_if_there(*disk_, path));
    if (!note) return {};
    auto certificate = chain::open_certificate(file_, as_text(*note));
    const bool counts = certificate.has_value();
    if (!counts) certificate = chain::parse_certificate(as_text(*note));
    if (!certificate) return {};
    all.try_emplace({certificate->site, certificate->epoch}, KnownCertificate{*certificate, {}, counts, is_waiting});
    return {};
  };
  HF_TRY_VOID(add(node::certificate_path, false));
  HF_TRY_VOID(add(node::own_spare_path, true));
  std::vector<KnownCertificate> out;
  out.reserve(all.size());
  for (auto& [number, known] : all) out.push_back(std::move(known));
  return out;
}

std::optional<PublicKey> DataView::log_key(const Origin& origin) const {
  const auto found = keys_.find({origin.site, origin.epoch});
  return found == keys_.end() || origin.chain != file_.chain ? std::nullopt : std::optional(found->second.log);
}

std::vector<std::string> DataView::cosigner_vkeys(const SiteName& owner) const {
  std::vector<std::string> out;
  const chain::Site* site = file_.find(owner);
  if (site == nullptr) return out;
  for (const SiteName& mirror : site->mirrors) {
    const std::string name = journal::cosigner_name(file_.chain, mirror);
    for (auto key = keys_.lower_bound({mirror, 0}); key != keys_.end() && key->first.first == mirror; ++key)
      out.push_back(journal::vkey(name, journal::NoteKeyType::cosigner, key->second.cosign));
  }
  return out;
}

std::set<SiteName> DataView::cosigners(const journal::SignedCheckpoint& signed_checkpoint) const {
  std::set<SiteName> out;
  const chain::Site* owner = file_.find(signed_checkpoint.checkpoint.origin.site);
  if (owner == nullptr) return out;
  for (const SiteName& mirror : owner->mirrors) {
    const std::string name = journal::cosigner_name(file_.chain, mirror);
    for (auto key = keys_.lower_bound({mirror, 0}); key != keys_.end() && key->first.first == mirror; ++key) {
      for (const journal::NoteSignature& signature : signed_checkpoint.note.signatures) {
        const auto at = journal::verify_cosignature(signed_checkpoint.checkpoint, signature, name, key->second.cosign);
        if (at && *at) out.insert(mirror);
      }
    }
  }
  return out;
}

}  // namespace holdfast::serve
