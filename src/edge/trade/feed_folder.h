// A folder that an existing system exports into: what lies there, what of it may be taken, and what became of each
// file.
//
// Shape:  plain files NAME.csv, .csv.zst, .txt, .tsv; a name that begins with a dot, or ends in .part, .tmp, .filepart,
//         .refused.csv or .done, is no export. A file is *settled* when neither its bytes nor its entry have changed
//         for settle_seconds, or at once when NAME.done lies beside it and is not older. Of each export the newest
//         settled file is taken; an older one only where the newer one cannot be. What waits for a person, was
//         refused by the node or could not be read is read again when a person lets it in, and every few minutes.
//         DATA/feed/ holds what belongs to this: lock, customer.key, accepted/SHA256, status.json, refused rows where
//         the folder itself cannot be written to. Nothing in the folder can let a file in: whoever may write exports
//         there may not accept them.
// Errors: feed/no_folder; feed/in_use: another `holdfast feed` runs for this data directory. What is wrong with one
//         file is in its FileState, and no error.
// Thread: one.
#pragma once

#include <chrono>
#include <functional>

#include "edge/trade/feed_take.h"

namespace holdfast::trade {

struct FolderSettings {
  std::string folder;
  std::string data;          // the node's data directory
  std::string mapping_path;  // empty: DATA/feed.toml if it is there
  int settle_seconds = 10;
  FeedLimits limits = {};
  int read_again_seconds = 300;  // what waits, what the node refused, what could not be read
};

// refused: by the node, in its own words. no_node: it did not answer. unreadable: the file, or a place for its refused
// rows, was not to be had; it passes, or somebody mends it.
enum class FileFate { taken, known, elsewhere, settling, waits, broken, refused, no_node, unreadable };
std::string_view to_text(FileFate fate);
struct FileState {
  std::string name;
  FileFate fate = FileFate::broken;
  std::string text;            // one line for people
  std::optional<Hash> sha256;  // of what waits or was refused: its bytes as they were read
};

class FeedFolder {
 public:
  static Result<std::unique_ptr<FeedFolder>> open(FolderSettings settings);
  ~FeedFolder();
  FeedFolder(const FeedFolder&) = delete;
  FeedFolder& operator=(const FeedFolder&) = delete;

  // One look at the folder: takes what can be taken. `tell` hears of every file whose fate has changed.
  // Errors: feed/no_folder.
  Result<std::vector<FileState>> pass(Node& node, const std::function<void(const FileState&)>& tell);
  // Waits until somebody else changes the folder, or for so long. False: told to stop by SIGINT or SIGTERM.
  bool wait(int seconds);

 private:
  using Steady = std::chrono::steady_clock;
  struct Candidate;
  struct Seen {
    FileIdentity identity;
    FileState state;
    Steady::time_point since, read_at;  // seen like this, and last read
    // Of its header, which is read once: a folder may hold years of exports.
    std::optional<feed::Kind> kind;
    std::optional<Error> trouble;
  };
  explicit FeedFolder(FolderSettings settings) : settings_(std::move(settings)) {}
  Status prepare();
  // The newest of them; `older`: how many there are besides.
  Result<std::vector<Candidate>> candidates(std::size_t& older) const;
  FileState take(const Candidate& candidate, Node& node);
  bool is_settled(const Candidate& candidate) const;
  void read_kind(Candidate& candidate) const;
  bool is_to_be_read(const Seen& seen) const;
  bool others_changed_it() const;
  std::string accepted_path(const Hash& sha256) const;
  Status write_status(const std::vector<FileState>& states) const;

  FolderSettings settings_;
  FeedSite site_;
  int lock_ = -1, watch_ = -1;
  std::vector<feed::FeedTaken> taken_;  // by the node, as it last said
  std::map<std::string, Seen> seen_;
};

// A person lets one file in though it is beyond a bound: exactly these bytes, once. Returns its SHA-256.
// Errors: trade/no_file. feed/not_waiting: what the last look at the folder made of it, and it has not changed since;
//         nothing was let in. feed/not_looked_at: it has changed since then, so no person has been told why it waits.
Result<Hash> accept_feed_file(const std::string& path, const std::string& data);
// SIGINT and SIGTERM end wait() from here on, instead of the process.
void stop_feeding_on_signals();

}  // namespace holdfast::trade
