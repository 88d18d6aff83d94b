// Go's client, net/http with HTTP/2, as a client's process for the benchmark marks, which runs this
// program. Its works and its answer are those of benches/harness/work.rs.
//
//	peer-go client Go WORK DIVISOR SITE
package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"runtime"
	"sort"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/net/http2"
)

const large = 256 << 20

// What clients are asked to do.
type work struct {
	http1    bool
	tls      bool
	timed    bool
	threads  int
	atOnce   int
	netlocs  int
	requests int
	warmUp   int
	post     int
	download bool
	upload   bool
}

var gets = work{threads: 1, atOnce: 100, netlocs: 1, requests: 60000, warmUp: 10000}

func workNamed(name string) (work, bool) {
	w := gets
	one := func() { w.atOnce, w.requests, w.warmUp = 1, 1, 1 }
	switch name {
	case "get":
	case "get-2-threads":
		w.threads = 2
	case "get-timed":
		w.timed = true
	case "get-one-timed":
		w.timed, w.atOnce, w.requests, w.warmUp = true, 1, 8000, 1000
	case "download", "download-tls":
		one()
		w.download, w.tls = true, name == "download-tls"
	case "upload", "upload-tls":
		one()
		w.upload, w.tls = true, name == "upload-tls"
	case "post":
		w.post, w.requests, w.warmUp = 10000, 20000, 3000
	case "netlocs":
		w.netlocs, w.requests, w.warmUp = 1000, 20000, 2000
	case "netlocs-10000":
		w.netlocs, w.atOnce, w.requests, w.warmUp = 1000, 10000, 60000, 20000
	case "streams-10000":
		w.netlocs, w.atOnce, w.requests, w.warmUp = 10, 10000, 100000, 20000
	case "http1-get":
		w.http1, w.requests, w.warmUp = true, 30000, 3000
	default:
		return w, false
	}
	return w, true
}

// The loader of one client.
type loader struct {
	work
	client  *http.Client
	urls    []string
	payload []byte
}

func main() {
	if len(os.Args) != 6 || os.Args[1] != "client" {
		fail(fmt.Errorf("usage: peer-go client Go WORK DIVISOR SITE"))
	}
	w, ok := workNamed(os.Args[3])
	if !ok {
		fmt.Println("cannot")
		return
	}
	divisor, err := strconv.Atoi(os.Args[4])
	check(err)
	w.requests = (w.requests + divisor - 1) / divisor
	w.warmUp = (w.warmUp + divisor - 1) / divisor
	runtime.GOMAXPROCS(w.threads)
	l, process := load(w, strings.Fields(os.Args[5]))
	if !w.download && !w.upload {
		for i := range l.urls {
			check(l.fetch(i, nil))
		}
	}
	l.drive(w.warmUp)
	client, server := ownTime(), timeOf(process)
	wall, times := l.drive(w.requests)
	client, server = ownTime()-client, timeOf(process)-server
	sort.Slice(times, func(i, j int) bool { return times[i] < times[j] })
	rank := func(share int) time.Duration {
		if len(times) == 0 {
			return 0
		}
		return times[len(times)*share/100]
	}
	fmt.Println(w.requests, int64(client), int64(server), int64(wall), int64(rank(50)), int64(rank(99)))
}

// The client, and what it asks: the site is its ports (small, large, silent, and the first two with
// TLS), its process and its certificate.
func load(w work, site []string) (*loader, string) {
	port := 0
	if w.download {
		port = 1
	}
	scheme := "http"
	if w.tls {
		port, scheme = port+3, "https"
	}
	l := &loader{work: w, payload: bytes.Repeat([]byte("x"), w.post)}
	for i := 0; i < w.netlocs; i++ {
		host := "127.0.0.1"
		if w.netlocs > 1 {
			host = fmt.Sprintf("127.0.%d.%d", i/250+1, i%250+1)
		}
		l.urls = append(l.urls, scheme+"://"+host+":"+site[port]+"/")
	}
	der, err := hex.DecodeString(site[6])
	check(err)
	certificate, err := x509.ParseCertificate(der)
	check(err)
	roots := x509.NewCertPool()
	roots.AddCert(certificate)
	trust := &tls.Config{RootCAs: roots}
	switch {
	case w.http1:
		// The default keeps two idle connections a host: then this would measure dialing.
		l.client = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: w.atOnce}}
	case w.tls:
		l.client = &http.Client{Transport: &http2.Transport{TLSClientConfig: trust}}
	default:
		dial := func(network, address string, _ *tls.Config) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(context.Background(), network, address)
		}
		l.client = &http.Client{Transport: &http2.Transport{AllowHTTP: true, DialTLS: dial}}
	}
	return l, site[5]
}

func (l *loader) fetch(number int, body io.Reader) error {
	method := http.MethodGet
	if body != nil {
		method = http.MethodPost
	}
	request, err := http.NewRequest(method, l.urls[number%len(l.urls)], body)
	if err != nil {
		return err
	}
	if l.upload && body != nil {
		request.ContentLength = large
	}
	response, err := l.client.Do(request)
	if err != nil {
		return err
	}
	octets, err := io.Copy(io.Discard, response.Body)
	response.Body.Close()
	expected := int64(13)
	if l.download {
		expected = large
	}
	if err == nil && octets != expected {
		err = fmt.Errorf("%d octets came of %d", octets, expected)
	}
	return err
}

// A body of the same octet over and over.
type pattern struct{}

func (pattern) Read(buffer []byte) (int, error) {
	for i := range buffer {
		buffer[i] = 'x'
	}
	return len(buffer), nil
}

func (l *loader) body() io.Reader {
	switch {
	case l.upload:
		return io.LimitReader(pattern{}, large)
	case l.post > 0:
		return bytes.NewReader(l.payload)
	}
	return nil
}

func (l *loader) drive(requests int) (time.Duration, []time.Duration) {
	var (
		begun   int64 = -1
		callers sync.WaitGroup
		lock    sync.Mutex
		all     []time.Duration
	)
	began := time.Now()
	for i := 0; i < l.atOnce; i++ {
		callers.Add(1)
		go func() {
			defer callers.Done()
			var times []time.Duration
			for {
				number := atomic.AddInt64(&begun, 1)
				if number >= int64(requests) {
					break
				}
				var start time.Time
				if l.timed {
					start = time.Now()
				}
				check(l.fetch(int(number), l.body()))
				if l.timed {
					times = append(times, time.Since(start))
				}
			}
			lock.Lock()
			all = append(all, times...)
			lock.Unlock()
		}()
	}
	callers.Wait()
	return time.Since(began), all
}

// How long this process has been on a processor, user and system.
func ownTime() time.Duration {
	var usage syscall.Rusage
	check(syscall.Getrusage(syscall.RUSAGE_SELF, &usage))
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// Likewise of a process with one thread.
func timeOf(process string) time.Duration {
	line, err := os.ReadFile("/proc/" + process + "/schedstat")
	check(err)
	nanos, err := strconv.ParseInt(strings.Fields(string(line))[0], 10, 64)
	check(err)
	return time.Duration(nanos)
}

func check(err error) {
	if err != nil {
		fail(err)
	}
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}
