// Holdfast's journal and fold, in process: what core/node does with a group of writes, without sockets and JSON.
#include <sodium.h>

#include <chrono>
#include <deque>
#include <stdexcept>
#include <thread>

#include "bench/side.h"
#include "core/fold/pipeline.h"
#include "core/fold/state.h"
#include "core/journal/log.h"
#include "core/journal/note.h"
#include "edge/posix/posix_disk.h"
#include "edge/posix/posix_world.h"

namespace holdfast::bench {
namespace {

double extra_sync_ms = 0;

template <class T>
T need(Result<T> result) {
  if (!result) throw std::runtime_error(result.error().text);
  return std::move(*result);
}
void need(const Status& status) {
  if (!status) throw std::runtime_error(status.error().text);
}

// A disk whose durable writes take longer.
class SlowDisk final : public Disk {
 public:
  explicit SlowDisk(Disk& below) : below_(below) {}
  Result<std::vector<std::string>> list(std::string_view directory) override { return below_.list(directory); }
  Result<std::unique_ptr<File>> create(std::string_view path, std::uint64_t size) override {
    return slowed(below_.create(path, size));
  }
  Result<std::unique_ptr<File>> open(std::string_view path) override { return slowed(below_.open(path)); }
  Result<Bytes> read_all(std::string_view path) override { return below_.read_all(path); }
  Status write_all(std::string_view path, ByteView bytes) override { return below_.write_all(path, bytes); }
  Status remove(std::string_view path) override { return below_.remove(path); }

 private:
  struct SlowFile final : File {
    explicit SlowFile(std::unique_ptr<File> f) : below(std::move(f)) {}
    Status write_durable(std::uint64_t offset, ByteView bytes) override {
      HF_TRY_VOID(below->write_durable(offset, bytes));
      wait_extra_sync();
      return {};
    }
    Status read(std::uint64_t offset, std::span<std::byte> into) override { return below->read(offset, into); }
    std::uint64_t size() const override { return below->size(); }
    std::unique_ptr<File> below;
  };
  static Result<std::unique_ptr<File>> slowed(Result<std::unique_ptr<File>> file) {
    if (!file) return file;
    return std::make_unique<SlowFile>(std::move(*file));
  }
  Disk& below_;
};

// The followed head office's journal, in memory.
class HeadOffice final : public fold::PeerEntries, public fold::OwnEntries {
 public:
  std::vector<Bytes> entries;
  Status scan(const Origin&, EntryIndex first, EntryIndex end,
              const std::function<Status(EntryIndex, ByteView)>& each) const override {
    for (EntryIndex i = first; i < end; ++i) {
      if (i >= entries.size()) return fail("bench/missing", "head office has no such entry");
      HF_TRY_VOID(each(i, entries[i]));
    }
    return {};
  }
  // Only refunds and retries read own entries; there are none here.
  Result<fold::Event> read(std::uint32_t, EntryIndex) const override {
    return fail("bench/missing", "nothing is read back");
  }
};

constexpr std::string_view chain_name = "holdfast.example/bench";

chain::ChainFile bench_chain() {
  chain::ChainFile file;
  file.chain = chain_name;
  file.currency = {"GBP", 2};
  file.vat_rates = {{VatCode("S"), "Standard rate", 200'000}};
  const SiteName head("head-office"), store("store-01");
  file.sites = {{.name = head, .kind = chain::SiteKind::head_office},
                {.name = store, .kind = chain::SiteKind::store, .follows = {head}}};
  return file;
}

HeadOffice listed_products(const Origin& origin) {
  HeadOffice office;
  const Instant at{1'760'000'000'000'000'000};
  fold::WriteInfo write;
  const auto add = [&](fold::Body body, std::optional<fold::WriteInfo> by) {
    for (auto& bytes : fold::encode({at, std::move(by), std::move(body)})) office.entries.push_back(std::move(bytes));
  };
  add(fold::EpochOpened{origin.chain, origin.site, 1, "GBP", ""}, {});
  for (std::uint32_t p = 0; p < products;) {
    catalogue::ProductsListed listed;
    for (; listed.products.size() < 500 && p < products; ++p)
      listed.products.push_back(
          {sku_of(p), "", "Product " + sku_text(p), UnitPrice{price_pence(p) * 10'000}, VatCode("S"), true});
    write.key.bytes[0] = static_cast<std::byte>(office.entries.size());
    add(std::move(listed), write);
  }
  return office;
}

class JournalSide final : public Side {
 public:
  explicit JournalSide(const std::string& directory)
      : head_origin_{std::string(chain_name), SiteName("head-office"), 1},
        office_(listed_products(head_origin_)),
        disk_(need(edge::PosixDisk::open_root(directory))),
        slow_(*disk_),
        pool_(0) {
    log_ = need(journal::Log::open(slow_, pool_, origin_));
    crypto_sign_keypair(reinterpret_cast<unsigned char*>(key_.data()),
                        reinterpret_cast<unsigned char*>(secret_.data()));
    append({clock_.now(), {}, fold::EpochOpened{origin_.chain, origin_.site, 1, "GBP", ""}});
    append({clock_.now(), {}, fold::NodeStarted{SeriesId{4711}, "bench"}});
    append({clock_.now(), {}, fold::PeerFollowed{{{head_origin_, office_.entries.size(), Hash{}, {}}}}});
    need(log_->commit());
    if (state_.find_product(sku_text(0)) == nullptr) throw std::runtime_error("the catalogue was not followed");
  }

  std::string name() const override { return "holdfast"; }
  std::string guarantee() const override {
    return disk_->direct_io() ? "O_DIRECT|O_DSYNC write of a hash-chained commit record; signed checkpoint each 4,096 "
                                "entries or 100 ms"
                              : "O_DSYNC write of a hash-chained commit record (no direct I/O here); signed checkpoint "
                                "each 4,096 entries or 100 ms";
  }
  std::uint64_t sales() const override { return state_.till.totals.sales; }
  std::int64_t pieces_sold() const override {
    std::int64_t sum = 0;
    for (const auto& [sku, item] : state_.stock.items) sum -= item.on_hand.thousandths / 1000;
    return sum;
  }
  std::int64_t pence_taken() const override { return state_.till.totals.gross.minor; }

  void prepare(std::span<const BenchSale> sales) override {
    requests_.clear();
    for (const auto& sale : sales) requests_.push_back(request_of(sale));
    next_ = 0;
  }

  void take(std::size_t count) override {
    const Instant now = clock_.now();
    for (std::size_t i = 0; i < count; ++i) {
      const auto decided = need(fold::decide(state_, {now, chain_, office_}, requests_[next_++]));
      if (!decided.event) throw std::runtime_error("a key came twice");
      append(*decided.event);
    }
    need(log_->commit());
    if (log_->durable_size() - signed_size_ >= 4096 || clock_.monotonic() - signed_at_ >= milliseconds(100)) sign();
  }

  const fold::State& state() const { return state_; }
  std::uint64_t entries() const { return log_->durable_size(); }
  const HeadOffice& office() const { return office_; }

 private:
  static fold::WriteRequest request_of(const BenchSale& sale) {
    till::RecordSale command{.till = TillId{1}};
    for (const auto& line : sale.lines)
      command.lines.push_back({sku_of(line.product), Quantity{line.quantity * 1000}, UnitPrice{line.pence * 10'000},
                               VatCode("S"), "", false});
    command.tenders.push_back({till::TenderKind::cash, Money{sale.total_pence()}, "", "", {}});
    fold::WriteRequest request;
    request.till = TillId{1};
    request.key = sale.key;
    request.staff.bytes[0] = std::byte{7};
    request.command = std::move(command);
    return request;
  }

  void append(const fold::Event& event) {
    EntryIndex at = 0;
    for (const Bytes& bytes : fold::encode(event)) at = log_->append(bytes);
    need(fold::apply(state_, at, event, office_));
  }

  void sign() {
    const journal::Checkpoint checkpoint{origin_, log_->durable_size(), log_->root()};
    const auto made = journal::sign_checkpoint(checkpoint, key_, [this](ByteView message) {
      Signature signature;
      crypto_sign_detached(reinterpret_cast<unsigned char*>(signature.data()), nullptr,
                           reinterpret_cast<const unsigned char*>(message.data()), message.size(),
                           reinterpret_cast<const unsigned char*>(secret_.data()));
      return signature;
    });
    need(log_->put_checkpoint(checkpoint.size, journal::to_text(made.note)));
    signed_size_ = checkpoint.size;
    signed_at_ = clock_.monotonic();
  }

  const Origin origin_{std::string(chain_name), SiteName("store-01"), 1};
  const Origin head_origin_;
  const chain::ChainFile chain_ = bench_chain();
  const HeadOffice office_;
  std::unique_ptr<edge::PosixDisk> disk_;
  SlowDisk slow_;
  edge::ThreadPool pool_;
  edge::PosixClock clock_;
  std::unique_ptr<journal::Log> log_;
  fold::State state_;
  PublicKey key_{};
  ByteArray<64> secret_{};
  std::uint64_t signed_size_ = 0;
  Instant signed_at_;
  std::vector<fold::WriteRequest> requests_;
  std::size_t next_ = 0;
};

class DiskSide final : public Side {
 public:
  explicit DiskSide(const std::string& directory) : disk_(need(edge::PosixDisk::open_root(directory))), slow_(*disk_) {
    file_ = need(slow_.create("floor", size));
  }
  std::string name() const override { return "disk alone"; }
  std::string guarantee() const override {
    return "one durable write of 512 bytes a sale into a file of zeros; no work at all";
  }
  void prepare(std::span<const BenchSale>) override {}
  void take(std::size_t count) override {
    const std::size_t bytes = (count * 512 + 4095) / 4096 * 4096;
    if (at_ + bytes > size) at_ = 0;
    need(file_->write_durable(at_, ByteView(block_).first(bytes)));
    at_ += bytes;
    sales_ += count;
  }
  std::uint64_t sales() const override { return sales_; }
  std::int64_t pieces_sold() const override { return -1; }
  std::int64_t pence_taken() const override { return -1; }

 private:
  static constexpr std::uint64_t size = 64u << 20;
  std::unique_ptr<edge::PosixDisk> disk_;
  SlowDisk slow_;
  std::unique_ptr<File> file_;
  const Bytes block_ = Bytes(8u << 20, std::byte{1});
  std::uint64_t at_ = 0, sales_ = 0;
};

}  // namespace

void set_extra_sync_ms(double ms) { extra_sync_ms = ms; }
void wait_extra_sync() {
  if (extra_sync_ms > 0) std::this_thread::sleep_for(std::chrono::duration<double, std::milli>(extra_sync_ms));
}

std::unique_ptr<Side> make_journal_side(const std::string& directory) {
  return std::make_unique<JournalSide>(directory);
}
std::unique_ptr<Side> make_disk_side(const std::string& directory) { return std::make_unique<DiskSide>(directory); }

Replay replay_journal(const std::string& directory, const Side& side) {
  const auto& original = dynamic_cast<const JournalSide&>(side);
  const auto disk = need(edge::PosixDisk::open_root(directory));
  edge::ThreadPool pool(0);
  const auto start = std::chrono::steady_clock::now();
  const auto log = need(journal::Log::open(*disk, pool, {std::string(chain_name), SiteName("store-01"), 1}));
  fold::State state;
  fold::Pipeline pipeline(
      pool, [&](EntryIndex i, fold::Event&& event) { return fold::apply(state, i, event, original.office()); });
  need(log->scan(0, log->size(), [&](EntryIndex i, ByteView entry) { return pipeline.take(i, entry); }));
  need(pipeline.finish());
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  if (state.hash() != original.state().hash()) throw std::runtime_error("the journal folds to another state");
  return {log->size(), seconds};
}

}  // namespace holdfast::bench
