package store

import (
	"context"
	"database/sql"
	"net"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	gormpostgres "gorm.io/driver/postgres"
)

const (
	pgConnections = 16
	// pgDeadPeer is after how long a silent peer counts as gone. Without it a
	// cut cable holds a connection, and whoever waits for it, for many minutes.
	pgDeadPeer = 10 * time.Second
	// pgIdleInTx bounds how long a process that was frozen within a transaction
	// holds its locks against everybody else.
	pgIdleInTx = "10s"
)

// openPostgres connects, and listens for what other replicas do. Transactions
// that write are READ COMMITTED: what must not be overtaken is guarded by an
// epoch, a constraint or a locked row, so those who meet wait for one another
// rather than fail and start over.
func (s *Store) openPostgres(ctx, background context.Context) error {
	config, err := s.pgConfig()
	if err != nil {
		return err
	}
	s.postgres = true
	s.writer = stdlib.OpenDB(*config)
	s.reader = s.writer
	s.writer.SetMaxOpenConns(pgConnections)
	s.writer.SetMaxIdleConns(pgConnections)
	s.writer.SetConnMaxIdleTime(5 * time.Minute)
	s.readOpts = &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true}
	if err := s.writer.PingContext(ctx); err != nil {
		return fault("connect to the database", err)
	}
	if s.writeDB, err = session(gormpostgres.New(gormpostgres.Config{Conn: s.writer})); err != nil {
		return fault("connect to the database", err)
	}
	s.readDB = s.writeDB
	s.running.Go(func() { s.listen(background) })
	s.running.Go(func() { s.poll(background) })
	return nil
}

func (s *Store) pgConfig() (*pgx.ConnConfig, error) {
	config, err := pgx.ParseConfig(s.url)
	if err != nil {
		return nil, fault("read the database URL", err) // pgx leaves the password out
	}
	config.DialFunc = pgDialer().DialContext
	for name, value := range map[string]string{
		"application_name": "slipway", "timezone": "UTC", "idle_in_transaction_session_timeout": pgIdleInTx,
	} {
		if _, set := config.RuntimeParams[name]; !set {
			config.RuntimeParams[name] = value
		}
	}
	return config, nil
}

func pgDialer() *net.Dialer {
	return &net.Dialer{
		Timeout:         5 * time.Second,
		KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: 5 * time.Second, Interval: time.Second, Count: 5},
		Control:         limitSilence(pgDeadPeer),
	}
}
