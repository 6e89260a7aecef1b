// SQLite in process, as careful as it gets: WAL, synchronous=FULL. Statements are prepared once, the cache holds
// everything, the file is locked for us alone.
//
// Shape:  rows: a row a sale and a row a line, as one would design it. blob: the lines inside the sale's row, as
//         Holdfast's event has them; nobody can ask SQL what a line sold.
#include <fcntl.h>
#include <sqlite3.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <stdexcept>

#include "bench/side.h"
#include "core/base/crypto.h"

// SQLite reaches the C library through the dynamic linker, so these stand before its own: the only way to add time to a
// sync.
extern "C" int fdatasync(int fd) {
  const int result = static_cast<int>(::syscall(SYS_fdatasync, fd));
  holdfast::bench::wait_extra_sync();
  return result;
}
extern "C" int fsync(int fd) {
  const int result = static_cast<int>(::syscall(SYS_fsync, fd));
  holdfast::bench::wait_extra_sync();
  return result;
}

namespace holdfast::bench {
namespace {

class Statement {
 public:
  Statement(sqlite3* db, const char* sql) : db_(db) {
    if (sqlite3_prepare_v3(db, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement_, nullptr) != SQLITE_OK)
      throw std::runtime_error(sqlite3_errmsg(db));
  }
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;
  ~Statement() { sqlite3_finalize(statement_); }
  Statement& bind(int at, std::int64_t value) {
    sqlite3_bind_int64(statement_, at, value);
    return *this;
  }
  Statement& text(int at, std::string_view value) {
    sqlite3_bind_text(statement_, at, value.data(), static_cast<int>(value.size()), SQLITE_STATIC);
    return *this;
  }
  Statement& blob(int at, ByteView value) {
    sqlite3_bind_blob(statement_, at, value.data(), static_cast<int>(value.size()), SQLITE_STATIC);
    return *this;
  }
  // True: a row came.
  bool step() {
    const int result = sqlite3_step(statement_);
    if (result != SQLITE_ROW && result != SQLITE_DONE) throw std::runtime_error(sqlite3_errmsg(db_));
    return result == SQLITE_ROW;
  }
  void run() {
    step();
    sqlite3_reset(statement_);
  }
  std::int64_t number(int column) const { return sqlite3_column_int64(statement_, column); }
  void reset() { sqlite3_reset(statement_); }

 private:
  sqlite3* db_;
  sqlite3_stmt* statement_ = nullptr;
};

constexpr const char* schema = R"(
CREATE TABLE product(sku TEXT PRIMARY KEY, pence INTEGER NOT NULL, vat TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE stock(sku TEXT PRIMARY KEY, on_hand INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE till(till INTEGER PRIMARY KEY, n INTEGER NOT NULL);
CREATE TABLE sale(id INTEGER PRIMARY KEY, key BLOB NOT NULL UNIQUE, request BLOB NOT NULL, till INTEGER NOT NULL,
  n INTEGER NOT NULL, staff BLOB NOT NULL, at INTEGER NOT NULL, cash INTEGER NOT NULL, total INTEGER NOT NULL,
  lines BLOB);
CREATE TABLE line(sale INTEGER NOT NULL, line INTEGER NOT NULL, sku TEXT NOT NULL, quantity INTEGER NOT NULL,
  pence INTEGER NOT NULL, vat TEXT NOT NULL, amount INTEGER NOT NULL, vat_amount INTEGER NOT NULL,
  PRIMARY KEY(sale, line)) WITHOUT ROWID;
)";

class SqliteSide final : public Side {
 public:
  SqliteSide(const std::string& directory, SqliteShape shape) : shape_(shape) {
    const std::string path = directory + "/" + name() + ".db";
    if (sqlite3_open(path.c_str(), &db_) != SQLITE_OK) throw std::runtime_error(sqlite3_errmsg(db_));
    for (const char* sql : {"PRAGMA locking_mode=EXCLUSIVE", "PRAGMA journal_mode=WAL", "PRAGMA synchronous=FULL",
                            "PRAGMA cache_size=-1000000", "PRAGMA temp_store=MEMORY", schema})
      execute(sql);
    insert_products();
    prepare_statements();
  }
  ~SqliteSide() override {
    begin_.reset(), commit_.reset(), price_.reset(), number_.reset(), sale_.reset(), line_.reset(), stock_.reset();
    sqlite3_close(db_);
  }
  SqliteSide(const SqliteSide&) = delete;
  SqliteSide& operator=(const SqliteSide&) = delete;

  std::string name() const override { return shape_ == SqliteShape::rows ? "sqlite rows" : "sqlite blob"; }
  std::string guarantee() const override {
    return std::string("SQLite ") + sqlite3_libversion() +
           ", journal_mode=WAL, synchronous=FULL: fdatasync of the WAL at each commit; no hash, no signature";
  }
  void prepare(std::span<const BenchSale> sales) override {
    sales_.assign(sales.begin(), sales.end());
    next_ = 0;
  }
  void take(std::size_t count) override {
    begin_->run();
    for (std::size_t i = 0; i < count; ++i) take_one(sales_[next_++]);
    commit_->run();
  }
  std::uint64_t sales() const override { return static_cast<std::uint64_t>(query("SELECT count(*) FROM sale")); }
  std::int64_t pieces_sold() const override { return -query("SELECT sum(on_hand) FROM stock") / 1000; }
  std::int64_t pence_taken() const override { return query("SELECT sum(total) FROM sale"); }

 private:
  void execute(const char* sql) {
    char* error = nullptr;
    if (sqlite3_exec(db_, sql, nullptr, nullptr, &error) != SQLITE_OK) throw std::runtime_error(error);
  }
  std::int64_t query(const char* sql) const {
    Statement statement(db_, sql);
    statement.step();
    return statement.number(0);
  }
  void insert_products() {
    execute("BEGIN; INSERT INTO till VALUES(1, 0)");
    Statement product(db_, "INSERT INTO product VALUES(?, ?, 'S')"), stock(db_, "INSERT INTO stock VALUES(?, 0)");
    for (std::uint32_t p = 0; p < products; ++p) {
      product.text(1, sku_of(p).view()).bind(2, price_pence(p)).run();
      stock.text(1, sku_of(p).view()).run();
    }
    execute("COMMIT");
  }
  void prepare_statements() {
    begin_ = std::make_unique<Statement>(db_, "BEGIN IMMEDIATE");
    commit_ = std::make_unique<Statement>(db_, "COMMIT");
    price_ = std::make_unique<Statement>(db_, "SELECT pence FROM product WHERE sku = ?");
    number_ = std::make_unique<Statement>(db_, "UPDATE till SET n = n + 1 WHERE till = ? RETURNING n");
    sale_ = std::make_unique<Statement>(
        db_,
        "INSERT INTO sale(key, request, till, n, staff, at, cash, total, lines) VALUES(?, ?, 1, ?, ?, ?, ?, ?, ?)");
    line_ = std::make_unique<Statement>(db_, "INSERT INTO line VALUES(?, ?, ?, ?, ?, 'S', ?, ?)");
    stock_ = std::make_unique<Statement>(db_, "UPDATE stock SET on_hand = on_hand - ? WHERE sku = ?");
  }

  void take_one(const BenchSale& sale) {
    std::int64_t total = 0;
    Writer lines;
    for (const auto& line : sale.lines) {
      price_->text(1, sku_of(line.product).view());
      if (!price_->step() || price_->number(0) != line.pence) throw std::runtime_error("wrong price");
      price_->reset();
      const std::int64_t amount = line.quantity * line.pence;
      total += amount;
      if (shape_ == SqliteShape::rows) continue;
      lines.text(sku_of(line.product).view());
      for (std::int64_t value : {line.quantity * 1000, line.pence, amount, vat_of(amount)}) lines.i64(value);
      lines.text("S");
    }
    number_->bind(1, 1);
    if (!number_->step()) throw std::runtime_error("no till");
    const std::int64_t n = number_->number(0);
    number_->reset();
    // The same digest over the same content that lets a retry with another body be told (protocol 8.1).
    Writer canonical;
    for (const auto& line : sale.lines) {
      canonical.text(sku_of(line.product).view());
      canonical.i64(line.quantity);
      canonical.i64(line.pence);
    }
    const Hash request = sha256(canonical.view());
    sale_->blob(1, sale.key.bytes).blob(2, request).bind(3, n).blob(4, staff_).bind(5, 1'760'000'000'000'000'000 + n);
    sale_->bind(6, total).bind(7, total);
    if (shape_ == SqliteShape::blob) sale_->blob(8, lines.view());
    sale_->run();
    const std::int64_t id = sqlite3_last_insert_rowid(db_);
    std::int64_t position = 0;
    for (const auto& line : sale.lines) {
      const std::string_view sku = sku_of(line.product).view();
      if (shape_ == SqliteShape::rows) {
        const std::int64_t amount = line.quantity * line.pence;
        line_->bind(1, id).bind(2, position++).text(3, sku).bind(4, line.quantity * 1000).bind(5, line.pence);
        line_->bind(6, amount).bind(7, vat_of(amount)).run();
      }
      stock_->bind(1, line.quantity * 1000).text(2, sku).run();
    }
  }
  static std::int64_t vat_of(std::int64_t gross) { return (gross * 20 + 60) / 120; }

  const SqliteShape shape_;
  sqlite3* db_ = nullptr;
  const ByteArray<16> staff_{std::byte{7}};
  std::unique_ptr<Statement> begin_, commit_, price_, number_, sale_, line_, stock_;
  std::vector<BenchSale> sales_;
  std::size_t next_ = 0;
};

}  // namespace

std::unique_ptr<Side> make_sqlite_side(const std::string& directory, SqliteShape shape) {
  return std::make_unique<SqliteSide>(directory, shape);
}

}  // namespace holdfast::bench
