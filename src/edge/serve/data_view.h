// A site's data directory as it lies on disk, looked at without changing it and without its lock: also while its node
// runs.
//
// Shape:  journals are opened on an OverlayDisk. A node that writes meanwhile can make the end of a journal look broken
//         for a moment; such an open is tried again before it is believed.
//         Keys: the chain file's for epoch 1; later epochs' by registrations found in the journals, each with its
//         signatures checked. Cosignatures of every known epoch of a mirror count here: what was cosigned stays so.
// Errors: keys/* (no data directory or chain file), edge/no_journal (says which there are), journal/*.
// Thread: one.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "core/chain/chain.h"
#include "core/journal/log.h"
#include "core/journal/note.h"
#include "edge/posix/posix_disk.h"
#include "edge/posix/posix_world.h"
#include "edge/serve/overlay_disk.h"

namespace holdfast::serve {

class DataView {
 public:
  static Result<std::unique_ptr<DataView>> open(const std::string& directory);

  const SiteName& site() const { return site_; }
  const chain::ChainFile& file() const { return file_; }
  Disk& disk() { return *disk_; }
  Executor& executor() { return pool_; }
  // Every journal in the directory, by site and epoch.
  Result<std::vector<Origin>> origins();
  Result<Origin> newest_own();
  Result<std::unique_ptr<journal::Log>> open_journal(const Origin& origin);

  // From the journals' own EpochOpened and RegistrationTaken; once.
  Status learn_keys();
  std::optional<PublicKey> log_key(const Origin& origin) const;
  // Who else may have signed the checkpoint at this size: the machine whose registration keeps the journal to there
  // (the closing checkpoint of a spare, protocol 13.51).
  std::optional<PublicKey> closing_key(const Origin& origin, std::uint64_t size) const;
  // Every certificate that is here, by site and epoch: of registrations in the journals, of this machine, and of its
  // spare. Call learn_keys() before.
  struct KnownCertificate {
    chain::Certificate certificate;
    std::optional<Origin> old_origin = {};  // which its registration goes on from; nullopt: none is known
    bool counts = false;                    // under the chain file here
    bool is_waiting = false;                // of a spare that has not opened the store: nothing rests on it yet
  };
  Result<std::vector<KnownCertificate>> certificates();
  // The verifier's keys (C2SP vkey) of the owner's mirrors, of all their epochs that are known here.
  std::vector<std::string> cosigner_vkeys(const SiteName& owner) const;
  // Sites among the owner's mirrors that have validly cosigned.
  std::set<SiteName> cosigners(const journal::SignedCheckpoint& checkpoint) const;

 private:
  explicit DataView(std::unique_ptr<edge::PosixDisk> disk) : disk_(std::move(disk)) {}
  void learn(const std::string& registration_note);

  std::unique_ptr<edge::PosixDisk> disk_;
  SiteName site_;
  chain::ChainFile file_;
  edge::ThreadPool pool_{2};
  std::vector<std::unique_ptr<OverlayDisk>> overlays_;  // each outlives the logs opened on it
  std::map<std::pair<SiteName, std::uint32_t>, chain::SiteKeys> keys_;
  std::map<std::pair<SiteName, std::uint32_t>, KnownCertificate> registered_;
  std::map<std::pair<Origin, std::uint64_t>, PublicKey> closing_keys_;  // by old origin and the size that is kept of it
};

}  // namespace holdfast::serve
