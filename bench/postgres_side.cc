// PostgreSQL through libpq: one stored function takes a whole batch in sets, so that neither round trips nor loops
// count against it. Stock rows are locked in the order of their SKUs; otherwise two batches would wait for each other.
#include <fmt/format.h>
#include <libpq-fe.h>

#include <algorithm>
#include <array>
#include <deque>
#include <map>
#include <stdexcept>

#include "bench/client.h"
#include "core/base/crypto.h"

namespace holdfast::bench {
namespace {

constexpr const char* schema = R"(
DROP TABLE IF EXISTS line, sale, till, stock, product CASCADE;
CREATE TABLE product(sku text PRIMARY KEY, pence bigint NOT NULL, vat text NOT NULL);
CREATE TABLE stock(sku text PRIMARY KEY, on_hand bigint NOT NULL) WITH (fillfactor = 60);
CREATE TABLE till(till int PRIMARY KEY, n bigint NOT NULL) WITH (fillfactor = 10);
CREATE TABLE sale(till int, n bigint, key bytea NOT NULL UNIQUE, request bytea NOT NULL, at timestamptz NOT NULL,
  cash bigint NOT NULL, total bigint NOT NULL, PRIMARY KEY(till, n));
CREATE TABLE line(till int, n bigint, line int, sku text NOT NULL, quantity bigint NOT NULL, pence bigint NOT NULL,
  vat text NOT NULL, amount bigint NOT NULL, vat_amount bigint NOT NULL, PRIMARY KEY(till, n, line));
CREATE OR REPLACE FUNCTION record_sales(p_till int, p_keys bytea[], p_requests bytea[], p_totals bigint[], p_sale int[],
    p_line int[], p_sku text[], p_quantity bigint[], p_pence bigint[]) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
  v_last bigint;
BEGIN
  IF EXISTS (SELECT FROM unnest(p_sku, p_pence) AS l(sku, pence) LEFT JOIN product p ON p.sku = l.sku
             WHERE p.pence IS DISTINCT FROM l.pence) THEN
    RAISE EXCEPTION 'wrong price';
  END IF;
  UPDATE till SET n = n + cardinality(p_keys) WHERE till = p_till RETURNING n INTO STRICT v_last;
  INSERT INTO sale
    SELECT p_till, v_last - cardinality(p_keys) + s.i, s.key, s.request, clock_timestamp(), s.total, s.total
    FROM unnest(p_keys, p_requests, p_totals) WITH ORDINALITY AS s(key, request, total, i);
  INSERT INTO line SELECT p_till, v_last - cardinality(p_keys) + l.sale, l.line, l.sku, l.quantity, l.pence, 'S',
      l.quantity / 1000 * l.pence, (l.quantity / 1000 * l.pence * 20 + 60) / 120
    FROM unnest(p_sale, p_line, p_sku, p_quantity, p_pence) AS l(sale, line, sku, quantity, pence);
  PERFORM FROM stock WHERE sku = ANY(p_sku) ORDER BY sku FOR UPDATE;
  UPDATE stock s SET on_hand = s.on_hand - q.quantity
    FROM (SELECT sku, sum(quantity)::bigint AS quantity
          FROM unnest(p_sku, p_quantity) AS l(sku, quantity) GROUP BY sku) q
    WHERE s.sku = q.sku;
  RETURN v_last;
END $$;
)";

class Connection {
 public:
  explicit Connection(const std::string& to) : connection_(PQconnectdb(to.c_str())) {
    if (PQstatus(connection_) != CONNECTION_OK) throw std::runtime_error(PQerrorMessage(connection_));
    PQsetNoticeProcessor(
        connection_, [](void*, const char*) {}, nullptr);
  }
  ~Connection() { PQfinish(connection_); }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  std::string execute(const std::string& sql) { return first_of(PQexec(connection_, sql.c_str())); }
  void copy(const char* sql, const std::string& rows) {
    PGresult* began = PQexec(connection_, sql);
    const bool is_open = PQresultStatus(began) == PGRES_COPY_IN;
    PQclear(began);
    if (!is_open || PQputCopyData(connection_, rows.data(), static_cast<int>(rows.size())) != 1 ||
        PQputCopyEnd(connection_, nullptr) != 1)
      throw std::runtime_error(PQerrorMessage(connection_));
    first_of(PQgetResult(connection_));
    while (PGresult* more = PQgetResult(connection_)) PQclear(more);
  }
  void prepare(const char* name, const char* sql) { first_of(PQprepare(connection_, name, sql, 0, nullptr)); }
  template <std::size_t N>
  std::string run(const char* name, const std::array<std::string, N>& values) {
    std::array<const char*, N> pointers;
    for (std::size_t i = 0; i < N; ++i) pointers[i] = values[i].c_str();
    return first_of(PQexecPrepared(connection_, name, static_cast<int>(N), pointers.data(), nullptr, nullptr, 0));
  }

 private:
  std::string first_of(PGresult* result) {
    const auto status = PQresultStatus(result);
    std::string value;
    if (status == PGRES_TUPLES_OK && PQntuples(result) > 0) value = PQgetvalue(result, 0, 0);
    PQclear(result);
    if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK) throw std::runtime_error(PQerrorMessage(connection_));
    return value;
  }
  PGconn* connection_;
};

class PostgresClient final : public Client {
 public:
  PostgresClient(const std::string& to, unsigned till) : connection_(to), till_(till) {
    connection_.prepare("record", "SELECT record_sales($1, $2, $3, $4, $5, $6, $7, $8, $9)");
  }
  void prepare(std::span<const BenchSale> batch) override {
    std::array<std::string, 9> v;
    v[0] = std::to_string(till_);
    for (std::size_t i = 1; i < v.size(); ++i) v[i] = "{";
    const auto add = [&](std::size_t at, const std::string& value) {
      if (v[at].size() > 1) v[at] += ',';
      v[at] += value;
    };
    std::size_t sale_at = 0;
    for (const auto& sale : batch) {
      ++sale_at;
      Writer canonical;
      std::size_t line_at = 0;
      for (const auto& line : sale.lines) {
        canonical.text(sku_of(line.product).view());
        canonical.i64(line.quantity);
        canonical.i64(line.pence);
        add(4, std::to_string(sale_at));
        add(5, std::to_string(line_at++));
        add(6, sku_text(line.product));
        add(7, std::to_string(line.quantity * 1000));
        add(8, std::to_string(line.pence));
      }
      add(1, "\"\\\\x" + to_hex(sale.key.bytes) + '"');
      add(2, "\"\\\\x" + to_hex(sha256(canonical.view())) + '"');
      add(3, std::to_string(sale.total_pence()));
    }
    for (std::size_t i = 1; i < v.size(); ++i) v[i] += '}';
    ready_.push_back(std::move(v));
  }
  void send_next() override {
    const auto next = std::move(ready_.front());
    ready_.pop_front();
    connection_.run("record", next);
  }

 private:
  Connection connection_;
  const unsigned till_;
  std::deque<std::array<std::string, 9>> ready_;
};

}  // namespace

std::unique_ptr<Client> make_postgres_client(const std::string& connection, unsigned till) {
  return std::make_unique<PostgresClient>(connection, till);
}

void make_postgres_tables(const std::string& to, unsigned tills) {
  Connection connection(to);
  connection.execute(schema);
  connection.execute(fmt::format("INSERT INTO till SELECT i, 0 FROM generate_series(1, {}) AS i", tills));
  std::string rows;
  for (std::uint32_t p = 0; p < products; ++p)
    rows += fmt::format("{}('{}',{},'S')", rows.empty() ? "" : ",", sku_text(p), price_pence(p));
  connection.execute("INSERT INTO product VALUES " + rows);
  connection.execute("INSERT INTO stock SELECT sku, 0 FROM product");
  connection.execute("VACUUM ANALYZE");
}

void load_postgres(const std::string& to, std::uint64_t first, std::uint64_t count) {
  Connection connection(to);
  constexpr std::uint64_t a_transaction = 1000;
  for (std::uint64_t done = 0; done < count;) {
    const std::uint64_t end = std::min(count, done + a_transaction);
    std::string sales, lines;
    std::map<std::uint32_t, std::int64_t> sold;
    for (std::uint64_t i = done; i < end; ++i) {
      const BenchSale sale = sale_number(first + i);
      const std::uint64_t n = i + 1;
      Writer canonical;
      int line_at = 0;
      for (const auto& line : sale.lines) {
        canonical.text(sku_of(line.product).view());
        canonical.i64(line.quantity);
        canonical.i64(line.pence);
        const std::int64_t amount = line.quantity * line.pence;
        lines += fmt::format("1\t{}\t{}\t{}\t{}\t{}\tS\t{}\t{}\n", n, line_at++, sku_text(line.product),
                             line.quantity * 1000, line.pence, amount, (amount * 20 + 60) / 120);
        sold[line.product] += line.quantity * 1000;
      }
      sales += fmt::format("1\t{}\t\\\\x{}\t\\\\x{}\t2026-11-26 12:00:00+00\t{}\t{}\n", n, to_hex(sale.key.bytes),
                           to_hex(sha256(canonical.view())), sale.total_pence(), sale.total_pence());
    }
    std::string moved;
    for (const auto& [product, quantity] : sold)
      moved += fmt::format("{}('{}',{})", moved.empty() ? "" : ",", sku_text(product), quantity);
    connection.execute("BEGIN");
    connection.copy("COPY sale FROM STDIN", sales);
    connection.copy("COPY line FROM STDIN", lines);
    connection.execute("UPDATE stock s SET on_hand = s.on_hand - q.quantity FROM (VALUES " + moved +
                       ") AS q(sku, quantity) WHERE s.sku = q.sku");
    connection.execute(fmt::format("UPDATE till SET n = {} WHERE till = 1", end));
    connection.execute("COMMIT");
    if (end / 1'000'000 != done / 1'000'000) fmt::print(stderr, "{} of {} sales\n", end, count);
    done = end;
  }
}

Sums postgres_sums(const std::string& to) {
  Connection connection(to);
  const auto number = [&](const char* sql) { return std::stoll(connection.execute(sql)); };
  return {static_cast<std::uint64_t>(number("SELECT count(*) FROM sale")),
          number("SELECT coalesce(sum(total), 0)::bigint FROM sale"),
          -number("SELECT sum(on_hand)::bigint FROM stock") / 1000};
}

}  // namespace holdfast::bench
