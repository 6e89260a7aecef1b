// `holdfast journal show|verify|export|import|hash`: what journals say, and whether it holds.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <filesystem>
#include <memory>

#include "core/fold/event.h"
#include "core/journal/tiles.h"
#include "core/node/node.h"
#include "edge/cli/cli.h"
#include "edge/keys/data_directory.h"
#include "edge/posix/data_lock.h"
#include "edge/serve/data_view.h"
#include "edge/serve/event_json.h"

namespace holdfast::cli {
namespace {

using serve::DataView;

struct JournalArguments {
  std::string data, origin, into, from_directory;
  std::uint64_t from = 0, count = 0;
  bool is_json = false, all = false, no_snapshot = false;
};

Origin wanted_origin(DataView& view, const std::string& text) {
  return text.empty() ? or_refuse(view.newest_own()) : or_refuse(parse_origin(text));
}

// ---- show

void show_entry(EntryIndex index, ByteView body, const Result<std::optional<fold::Event>>& event, bool is_json) {
  http::JsonOut out;
  out.object().field("index", index).field("bytes", body.size());
  if (!event) {
    out.field("kind", "not readable").field("why", event.error().text);
  } else if (!*event) {
    out.field("kind", "Part");
  } else {
    serve::write_event(out, **event);
  }
  const std::string line = out.end_object().take();
  if (is_json) {
    fmt::print("{}\n", line);
    return;
  }
  if (!event || !*event) {
    fmt::print("{:>9}  {:<30}  {}\n", index, "",
               event ? "Part of the next event" : "not readable: " + event.error().text);
    return;
  }
  http::JsonOut whole;
  whole.object();
  serve::write_event(whole, **event);
  const std::string text = whole.end_object().take();
  const std::size_t at = text.find("\"body\":");
  fmt::print("{:>9}  {:<30}  {:<21} {}\n", index, to_text((*event)->at), fold::kind_name((*event)->body),
             std::string_view(text).substr(at + 7, text.size() - at - 8));
}

void show_lost(EntryIndex index, bool is_json) {
  http::JsonOut out;
  out.object().field("index", index).field("kind", "lost");
  const std::string line = out.end_object().take();
  if (is_json)
    fmt::print("{}\n", line);
  else
    fmt::print("{:>9}  {:<30}  cannot be read from this disk any more\n", index, "");
}

void show(const JournalArguments& arguments) {
  const auto view = or_refuse(DataView::open(arguments.data));
  const auto log = or_refuse(view->open_journal(wanted_origin(*view, arguments.origin)));
  const std::uint64_t size = log->durable_size();
  const std::uint64_t first = std::min(arguments.from, size);
  const std::uint64_t end = arguments.count == 0 ? size : std::min(size, first + arguments.count);
  if (!arguments.is_json) fmt::print("{}: {} entries\n", log->origin().text(), size);
  fold::Joiner joiner;
  EntryIndex next = first;
  const auto show_next = [&](EntryIndex index, ByteView body) -> Status {
    const auto event = joiner.take(body);
    if (!event) joiner = {};
    show_entry(index, body, event, arguments.is_json);
    next = index + 1;
    return {};
  };
  while (next < end) {
    const Status shown = log->scan(next, end, show_next);
    if (shown) break;
    if (shown.error().code != "journal/damaged") or_refuse(shown);
    // The rest is shown; what still holds of a record that does not is read one by one.
    const auto alone = log->read(next);
    if (alone) {
      or_refuse(show_next(next, *alone));
      continue;
    }
    joiner = {};
    show_lost(next++, arguments.is_json);
  }
}

// ---- verify

struct Verified {
  std::uint64_t entries = 0, events = 0, unreadable = 0, checkpoints = 0, signed_size = 0, cosigned_size = 0;
  std::size_t cosigners = 0;
};

// "entries 3 to 7; entry 20 …": every one by its number, and what to do.
std::string damage_of(const journal::Log& log) {
  std::string text;
  std::uint64_t entries = 0;
  for (const journal::Hole& hole : log.holes()) {
    entries += hole.end - hole.first;
    text += text.empty() ? "" : "; ";
    if (hole.first == hole.end)
      text += fmt::format("a checkpoint before entry {}", hole.first);
    else if (hole.first + 1 == hole.end)
      text += fmt::format("entry {}", hole.first);
    else
      text += fmt::format("entries {} to {}", hole.first, hole.end - 1);
  }
  return fmt::format(
      "{} of {} entries cannot be read: {}. The node puts them back by itself when a mirror that has them is "
      "linked; without any, rebuild this site (holdfast site rebuild)",
      entries, log.durable_size(), text);
}

// Why no key of it is known: a machine that nobody has registered here, or one whose certificate counts no longer.
std::string why_no_key(DataView& view, const Origin& origin) {
  const auto known = view.certificates();
  const bool is_here = known && std::ranges::any_of(*known, [&](const DataView::KnownCertificate& each) {
                         return !each.counts && each.certificate.origin() == origin;
                       });
  if (!is_here) return fmt::format("no registration of {} was found here, so its log key is not known", origin.text());
  return fmt::format(
      "its certificate does not count under version {} of the chain file, which is here, so its log key is not known. "
      "If the recovery keys were replaced and this is the site's own machine, have the root keys name the certificate: "
      "`holdfast recovery collect`, then `holdfast chain init --certificates`",
      view.file().version);
}

// Everything again from the entries' bytes: leaf hashes, the tree, each stored checkpoint's root and signature.
Result<Verified> verify_journal(DataView& view, const Origin& origin) {
  HF_TRY(const auto log,
         view.open_journal(origin));  // records, their chain and their hashes hold, or this says where not
  if (log->has_holes()) return fail("journal/damaged", damage_of(*log));
  const auto key = view.log_key(origin);
  if (!key) return fail("journal/unknown_key", why_no_key(view, origin));
  Verified out;
  journal::Tree tree;
  fold::Joiner joiner;
  auto next = log->next_checkpoint_size(0);
  const auto check = [&]() -> Status {
    const std::string note = log->checkpoint_at_most(*next);
    auto checkpoint = journal::open_checkpoint(note, *key);
    if (const auto closer = view.closing_key(origin, *next); !checkpoint && closer)
      if (auto closing = journal::open_checkpoint(note, *closer)) checkpoint = std::move(closing);
    if (!checkpoint)
      return fail(checkpoint.error().code, fmt::format("the checkpoint at {}: {}", *next, checkpoint.error().text));
    if (checkpoint->checkpoint.origin != origin || checkpoint->checkpoint.size != *next ||
        checkpoint->checkpoint.root != tree.root()) {
      return fail("journal/damaged",
                  fmt::format("the checkpoint at {} does not have the root of the {} entries before it", *next, *next));
    }
    ++out.checkpoints;
    out.signed_size = *next;
    const auto cosigners = view.cosigners(*checkpoint);
    if (cosigners.size() >= view.file().quorum) {
      out.cosigned_size = *next;
      out.cosigners = cosigners.size();
    }
    next = log->next_checkpoint_size(*next);
    return {};
  };
  HF_TRY_VOID(log->scan(0, log->durable_size(), [&](EntryIndex, ByteView body) -> Status {
    tree.append(leaf_hash(body));
    const auto event = joiner.take(body);
    if (!event) {
      ++out.unreadable;
      joiner = {};
    } else if (*event) {
      ++out.events;
    }
    if (next && tree.size() == *next) return check();
    return {};
  }));
  out.entries = tree.size();
  if (next)
    return fail("journal/damaged",
                fmt::format("a checkpoint at {} is stored, but only {} entries are", *next, out.entries));
  return out;
}

void verify(const JournalArguments& arguments) {
  const auto view = or_refuse(DataView::open(arguments.data));
  or_refuse(view->learn_keys());
  std::vector<Origin> origins = or_refuse(view->origins());
  if (!arguments.origin.empty()) origins = {or_refuse(parse_origin(arguments.origin))};
  if (origins.empty()) refuse({"edge/no_journal", "There is no journal here yet: the node has not been started."});
  std::size_t failed = 0;
  for (const Origin& origin : origins) {
    const auto verified = verify_journal(*view, origin);
    if (!verified) {
      ++failed;
      fmt::print("{}: DOES NOT HOLD: {}\n", origin.text(), verified.error().text);
      continue;
    }
    fmt::print(
        "{}: holds. {} entries, {} events{}, {} checkpoints; signed to {}, cosigned to {}{}\n", origin.text(),
        verified->entries, verified->events,
        verified->unreadable == 0 ? "" : fmt::format(", {} entries of a kind unknown here", verified->unreadable),
        verified->checkpoints, verified->signed_size, verified->cosigned_size,
        verified->cosigned_size == 0 ? "" : fmt::format(" by {} mirrors", verified->cosigners));
  }
  if (failed != 0) refuse({"journal/damaged", fmt::format("{} of {} journals do not hold.", failed, origins.size())});
}

// ---- export, import

// The newest checkpoint that a quorum has cosigned, else the newest signed; empty: none.
std::pair<std::string, bool> best_note(const DataView& view, journal::Log& log) {
  const std::string newest = log.last_checkpoint();
  std::string note = newest;
  const auto key = view.log_key(log.origin());
  while (!note.empty() && key) {
    const auto checkpoint = journal::open_checkpoint(note, *key);
    if (!checkpoint) break;
    if (view.cosigners(*checkpoint).size() >= view.file().quorum) return {note, true};
    if (checkpoint->checkpoint.size == 0) break;
    note = log.checkpoint_at_most(checkpoint->checkpoint.size - 1);
  }
  return {newest, false};
}

// What a verifier takes beside a tree, a line each: "quorum N"; "log VKEY", of the key that signed this checkpoint;
// "cosigner VKEY", of every known epoch of each mirror. nullopt: no key that is known here has signed it.
std::optional<std::string> verifier_keys(const DataView& view, const journal::Log& log, const std::string& note,
                                         std::uint64_t size) {
  const Origin& origin = log.origin();
  for (const auto& key : {view.log_key(origin), view.closing_key(origin, size)}) {
    if (!key || !journal::open_checkpoint(note, *key)) continue;
    std::string text = fmt::format("quorum {}\nlog {}\n", view.file().quorum,
                                   journal::vkey(origin.text(), journal::NoteKeyType::ed25519, *key));
    for (const std::string& cosigner : view.cosigner_vkeys(origin.site)) text += fmt::format("cosigner {}\n", cosigner);
    return text;
  }
  return std::nullopt;
}

void export_one(DataView& view, const Origin& origin, const std::filesystem::path& into) {
  const auto log = or_refuse(view.open_journal(origin));
  if (log->has_holes()) refuse({"journal/damaged", fmt::format("{}: {}.", origin.text(), damage_of(*log))});
  const auto [note, is_cosigned] = best_note(view, *log);
  or_refuse(edge::make_directory(into.parent_path().string()));
  const auto disk = or_refuse(edge::PosixDisk::open_root(into.parent_path().string()));
  const auto done = or_refuse(journal::export_tiles(*log, note, *disk, into.filename().string()));
  fmt::print("{}: {} entries in {} files, {}\n", origin.text(), done.size, done.files,
             is_cosigned ? "cosigned" : "signed, but no quorum of mirrors has cosigned it");
  const std::string beside = into.filename().string() + ".vkeys";
  if (const auto keys = verifier_keys(view, *log, note, done.size)) {
    or_refuse(disk->write_all(beside, as_bytes(*keys)));
    fmt::print("  a verifier's keys: {}\n", (into.parent_path() / beside).string());
  } else {
    or_refuse(disk->remove(beside));
    fmt::print("  no key that is known here has signed it, so there is no {}\n", beside);
  }
}

std::filesystem::path whole_path(const std::string& given) {
  std::filesystem::path path = std::filesystem::absolute(given).lexically_normal();
  if (!path.has_filename()) path = path.parent_path();
  return path;
}

void export_tree(const JournalArguments& arguments) {
  const auto view = or_refuse(DataView::open(arguments.data));
  or_refuse(view->learn_keys());
  const std::filesystem::path into = whole_path(arguments.into);
  if (!arguments.all) return export_one(*view, wanted_origin(*view, arguments.origin), into);
  for (const Origin& origin : or_refuse(view->origins())) {
    const auto log = or_refuse(view->open_journal(origin));
    if (log->last_checkpoint().empty()) {
      fmt::print("{}: nothing signed yet, left out\n", origin.text());
      continue;
    }
    export_one(*view, origin, into / origin.site.str() / std::to_string(origin.epoch));
  }
}

std::string read_note(const std::filesystem::path& tree) {
  const auto disk = or_refuse(edge::PosixDisk::open_root(tree.string()));
  return std::string(as_text(or_refuse(disk->read_all("checkpoint"))));
}

// Epoch 1 is checked with the chain file's key, a later one with that of the registration in its own entry 0.
void check_signature(const chain::ChainFile& file, const journal::Checkpoint& checkpoint, const std::string& note,
                     journal::Log& log) {
  PublicKey key{};
  if (checkpoint.origin.epoch == 1) {
    const chain::Site* site = file.find(checkpoint.origin.site);
    if (site == nullptr)
      refuse({"journal/bad_note", fmt::format("The chain file names no site {}.", checkpoint.origin.site.view())});
    key = site->keys.log;
  } else {
    const fold::Event first = or_refuse(fold::decode(or_refuse(log.read(0))));
    const auto* opened = std::get_if<fold::EpochOpened>(&first.body);
    if (opened == nullptr) refuse({"journal/bad_tiles", "Entry 0 does not open an epoch."});
    const auto registration = or_refuse(chain::open_registration(file, opened->registration));
    if (registration.certificate.origin() != checkpoint.origin)
      refuse({"journal/bad_tiles", "Entry 0 names another epoch's registration."});
    key = registration.certificate.keys.log;
  }
  or_refuse(journal::open_checkpoint(note, key));
}

void import_one(const std::string& data, const chain::ChainFile& file, const std::filesystem::path& tree) {
  const std::string note = read_note(tree);
  const auto parsed = or_refuse(journal::parse_note(note));
  const auto checkpoint = or_refuse(journal::parse_checkpoint(parsed.text));
  if (checkpoint.origin.chain != file.chain) {
    refuse({"journal/wrong_origin", fmt::format("{} holds {}, which is of another chain than {}.", tree.string(),
                                                checkpoint.origin.text(), data)});
  }
  const auto from = or_refuse(edge::PosixDisk::open_root(tree.parent_path().string()));
  edge::ThreadPool pool(2);
  const auto disk = or_refuse(edge::PosixDisk::open_root(data));
  {
    // First in memory: a tree that does not hold, or is signed by another key, leaves nothing behind.
    serve::OverlayDisk overlay(*disk);
    const auto trial = or_refuse(journal::Log::open(overlay, pool, checkpoint.origin));
    or_refuse(journal::import_tiles(*from, tree.filename().string(), *trial));
    check_signature(file, checkpoint, note, *trial);
  }
  const auto log = or_refuse(journal::Log::open(*disk, pool, checkpoint.origin));
  const std::uint64_t size = or_refuse(journal::import_tiles(*from, tree.filename().string(), *log));
  fmt::print("{}: {} entries\n", checkpoint.origin.text(), size);
}

void import_trees(const JournalArguments& arguments) {
  namespace fs = std::filesystem;
  or_refuse(keys::read_site_marker(arguments.data));
  const auto lock = or_refuse(edge::DataLock::take(arguments.data));
  const auto file = or_refuse(keys::read_chain_file(arguments.data));
  const fs::path from = whole_path(arguments.from_directory);
  if (fs::exists(from / "checkpoint")) return import_one(arguments.data, file, from);
  std::size_t found = 0;
  std::error_code error;
  for (const auto& entry : fs::recursive_directory_iterator(from, error)) {
    if (entry.path().filename() != "checkpoint" || !entry.is_regular_file()) continue;
    import_one(arguments.data, file, entry.path().parent_path());
    ++found;
  }
  if (found == 0)
    refuse({"journal/no_checkpoint",
            fmt::format("{} holds no exported journal (no file \"checkpoint\").", from.string())});
}

// ---- hash

// The world of a node that only opens its journal: no peers, no randomness, no clock of its own, no private keys.
class QuietNet final : public Net {
 public:
  ConnectionId dial(std::string_view) override { return ++last_; }
  void send(ConnectionId, Bytes) override {}
  std::size_t unsent_bytes(ConnectionId) override { return 0; }
  void close(ConnectionId) override {}

 private:
  ConnectionId last_ = 0;
};
class StoppedClock final : public Clock {
 public:
  explicit StoppedClock(Instant at) : at_(at) {}
  Instant now() override { return at_; }
  Instant monotonic() override { return Instant{}; }

 private:
  Instant at_;
};
class NoEntropy final : public Entropy {
 public:
  void fill(std::span<std::byte> into) override { std::ranges::fill(into, std::byte{0}); }
};
class PublicSigner final : public Signer {
 public:
  explicit PublicSigner(chain::SiteKeys keys) : keys_(keys) {}
  Signature sign(KeyUse, ByteView) override { return {}; }  // nothing signed here leaves this process
  PublicKey public_key(KeyUse use) override {
    switch (use) {
      case KeyUse::log:
        return keys_.log;
      case KeyUse::cosign:
        return keys_.cosign;
      case KeyUse::tls:
        return keys_.tls;
      case KeyUse::sealing:
        return keys_.sealing;
    }
    return keys_.log;
  }

 private:
  chain::SiteKeys keys_;
};

struct JournalEnd {
  EntryIndex size = 0;
  Instant last_event;
};
JournalEnd end_of(DataView& view, const Origin& origin) {
  const auto log = or_refuse(view.open_journal(origin));
  JournalEnd end{log->durable_size(), {}};
  for (EntryIndex index = end.size; index > 0 && end.last_event == Instant{}; --index) {
    if (const auto event = fold::decode(or_refuse(log->read(index - 1)))) end.last_event = event->at;
  }
  return end;
}

// The node opens this directory as at a start, on a disk that keeps what it writes in memory and in a world where every
// start is the same start: so the hash depends on the journals alone, whichever way the state was come by.
void hash(const JournalArguments& arguments) {
  const auto view = or_refuse(DataView::open(arguments.data));
  const Origin origin = or_refuse(view->newest_own());
  chain::SiteKeys keys =
      view->file().find(origin.site) == nullptr ? chain::SiteKeys{} : view->file().find(origin.site)->keys;
  if (origin.epoch > 1) {
    const Bytes note = or_refuse(view->disk().read_all(node::certificate_path));
    keys = or_refuse(chain::open_certificate(view->file(), as_text(note))).keys;
  }
  serve::OverlayDisk disk(view->disk(),
                          arguments.no_snapshot ? std::set<std::string>{"snapshots"} : std::set<std::string>{});
  QuietNet net;
  const JournalEnd end = end_of(*view, origin);
  StoppedClock clock(end.last_event);
  NoEntropy entropy;
  PublicSigner signer(keys);
  node::Options options;
  options.site = view->site();
  const auto node = or_refuse(node::Node::open({disk, net, clock, entropy, signer, view->executor()}, options));
  if (const auto progress = node->progress()) refuse({"journal/damaged", progress->step});
  fmt::print("{}  {} {}\n", to_hex(node->state().hash()), origin.text(), end.size);
}

}  // namespace

void add_journal_commands(CLI::App& app) {
  CLI::App& group = command_group(app, "journal", "Journals on disk: what they say, and whether it holds");
  const auto arguments = std::make_shared<JournalArguments>();
  const auto with_data = [&](CLI::App* command) {
    command->add_option("--data", arguments->data, "The site's data directory")->required();
    return command;
  };
  const auto with_origin = [&](CLI::App* command) {
    command->add_option("--origin", arguments->origin, "CHAIN/SITE/EPOCH; otherwise the site's own newest journal");
    return command;
  };

  CLI::App* shows = with_origin(with_data(group.add_subcommand("show", "Prints entries")));
  shows->add_option("--from", arguments->from, "First entry")->capture_default_str();
  shows->add_option("--count", arguments->count, "How many; 0: all")->capture_default_str();
  shows->add_flag("--json", arguments->is_json, "One JSON object a line, every field");
  shows->callback([arguments] { show(*arguments); });

  CLI::App* verifies = with_data(
      group.add_subcommand("verify", "Checks every record, hash, root and signature of the journals kept here"));
  verifies->add_option("--origin", arguments->origin, "CHAIN/SITE/EPOCH; otherwise all");
  verifies->callback([arguments] { verify(*arguments); });

  CLI::App* exports = with_origin(with_data(group.add_subcommand(
      "export",
      "Writes a journal as a standard C2SP tlog-tiles tree, and the keys that a verifier needs beside it, as "
      "INTO.vkeys")));
  exports->add_option("--into", arguments->into, "Directory of the tree; with --all of all trees, as SITE/EPOCH")
      ->required();
  exports->add_flag("--all", arguments->all, "Every journal kept here");
  exports->callback([arguments] { export_tree(*arguments); });

  CLI::App* imports =
      with_data(group.add_subcommand("import", "Takes exported trees into a data directory that has none of them"));
  imports->add_option("from", arguments->from_directory, "An exported tree, or a directory of them")->required();
  imports->callback([arguments] { import_trees(*arguments); });

  CLI::App* hashes =
      with_data(group.add_subcommand("hash", "Prints the SHA-256 of the state that the journals fold to"));
  hashes->add_flag("--no-snapshot", arguments->no_snapshot, "Replay everything, as if there were no snapshot");
  hashes->callback([arguments] { hash(*arguments); });
}

}  // namespace holdfast::cli
