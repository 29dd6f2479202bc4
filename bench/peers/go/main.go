// SPDX-License-Identifier: MIT

// Go: net/http with as many goroutines as requests in flight, every answer through encoding/json
// into structs, which is faster than into generic values and what a Go program would do.
//
//	client ORIGIN list|patch N CONCURRENCY
//
// Prints "records N" or "patches N"; any answer but a 200 ends it with exit 1.
package main

import (
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
)

type recording struct {
	UUID        string  `json:"uuid"`
	Title       *string `json:"title"`
	Summary     *string `json:"summary"`
	Description *string `json:"description"`
	Metadata    struct {
		CreatedAt       string `json:"created_at"`
		UpdatedAt       string `json:"updated_at"`
		Duration        *int64 `json:"duration"`
		Impressions     int64  `json:"impressions_count"`
		RecordingType   string `json:"recording_type"`
		RecordingSource string `json:"recording_source"`
		URL             string `json:"url"`
		Helpdesk        struct {
			Platform       string  `json:"platform"`
			ConversationID *string `json:"conversation_id"`
			TicketID       *string `json:"ticket_id"`
			UserID         *string `json:"user_id"`
			OperatorID     *string `json:"operator_id"`
			CustomerID     *string `json:"customer_id"`
			IssueID        *string `json:"issue_id"`
		} `json:"helpdesk_info"`
	} `json:"metadata"`
	TechnicalDetails map[string]*string `json:"technical_details"`
	ConsoleLogs      *string            `json:"console_logs"`
	Customer         map[string]*string `json:"customer"`
	User             map[string]string  `json:"user"`
	RoomInsights     struct {
		StartedAt    *string          `json:"started_at"`
		EndedAt      *string          `json:"ended_at"`
		Duration     *int64           `json:"duration"`
		Minutes      *float64         `json:"total_participant_minutes"`
		Unique       *int64           `json:"total_unique_participants"`
		Participants []map[string]any `json:"participants_insights"`
	} `json:"room_insights"`
}

type page struct {
	Pagination map[string]*int64 `json:"pagination"`
	Records    []recording       `json:"records"`
}

func request(origin string, patch bool, n int64) *http.Request {
	method, url, body := "GET", fmt.Sprintf("%s/api/v2/recordings?page=%d", origin, n), io.Reader(nil)
	if patch {
		method = "PATCH"
		url = fmt.Sprintf("%s/api/v2/recordings/%08x-4453-446d-9e79-000000000000", origin, n)
		body = strings.NewReader(`{"recording":{"title":"new"}}`)
	}
	req, err := http.NewRequest(method, url, body)
	if err != nil {
		log.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer bench-token")
	req.Header.Set("Accept", "application/json")
	if patch {
		req.Header.Set("Content-Type", "application/json")
	}
	return req
}

func one(client *http.Client, req *http.Request, patch bool) int64 {
	answer, err := client.Do(req)
	if err != nil {
		log.Fatal(err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		log.Fatal(answer.Status)
	}
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		log.Fatal(err)
	}
	return count(text, patch)
}

// count decodes an answer: the recordings of a page, or 1 for a changed title.
func count(text []byte, patch bool) int64 {
	var list page
	var single recording
	var target any = &list
	if patch {
		target = &single
	}
	if err := json.Unmarshal(text, target); err != nil {
		log.Fatal(err)
	}
	if patch && single.Title != nil && *single.Title == "new" {
		return 1
	}
	return int64(len(list.Records))
}

func number(text string) int64 {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		log.Fatal(err)
	}
	return n
}

func main() {
	if len(os.Args) != 5 {
		log.Fatal("usage: client ORIGIN list|patch N CONCURRENCY")
	}
	origin, patch := os.Args[1], os.Args[2] == "patch"
	total, concurrency := number(os.Args[3]), int(number(os.Args[4]))
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: concurrency}}
	var started, seen atomic.Int64
	var workers sync.WaitGroup
	for i := 0; i < concurrency; i++ {
		workers.Add(1)
		go func() {
			defer workers.Done()
			for n := started.Add(1); n <= total; n = started.Add(1) {
				seen.Add(one(client, request(origin, patch, n), patch))
			}
		}()
	}
	workers.Wait()
	if patch {
		fmt.Println("patches", seen.Load())
	} else {
		fmt.Println("records", seen.Load())
	}
}
