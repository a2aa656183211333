//! A TFTP server's side of one transfer, without sockets: what RFC 7440 says of senders, and bad habits.

/// How a server behaves.
#[derive(Clone, Debug)]
pub struct Habits {
    /// Understands options at all.
    pub options: bool,
    /// Answers options with this error.
    pub refuses_options: Option<u16>,
    /// The most that it grants.
    pub block: u16,
    pub window: u16,
    /// The length that it announces, if any.
    pub announces: Option<u64>,
    /// Each acknowledgement, also the same again, makes it send (the sorcerer's apprentice).
    pub naive: bool,
    /// Sends nothing more from this block on.
    pub silent_from: u64,
    /// An error instead of this block.
    pub fails_at: u64,
    /// Puts so many bytes more into each block than was agreed upon.
    pub surplus: usize,
    /// Of its names, the slash is no part.
    pub bare_names: bool,
}

impl Default for Habits {
    fn default() -> Self {
        Self {
            options: true,
            refuses_options: None,
            block: 1468,
            window: 32,
            announces: None,
            naive: false,
            silent_from: u64::MAX,
            fails_at: u64::MAX,
            surplus: 0,
            bare_names: false,
        }
    }
}

/// A transfer.
pub struct Sender {
    data: Vec<u8>,
    habits: Habits,
    block: usize,
    window: u64,
    options: Option<Vec<u8>>,
    acked: u64,
    /// Blocks that were sent, all in all.
    pub sent: u64,
    /// It is over: all was acknowledged, or an error came or went.
    pub over: bool,
    /// The client's error, if one came.
    pub client_error: Option<u16>,
}

impl Sender {
    /// Answers a request for a file of these bytes.
    pub fn new(request: &[u8], name: &str, data: &[u8], habits: &Habits) -> (Sender, Vec<Vec<u8>>) {
        let mut words = request[2..].split(|&byte| byte == 0).map(|word| std::str::from_utf8(word).unwrap());
        let asked = words.next().unwrap();
        assert_eq!((words.next(), &request[..2]), (Some("octet"), &[0, 1][..]));
        let mut sender = Sender {
            data: data.to_vec(),
            habits: habits.clone(),
            block: 512,
            window: 1,
            options: None,
            acked: 0,
            sent: 0,
            over: false,
            client_error: None,
        };
        let wanted = if habits.bare_names { name.trim_start_matches('/') } else { name };
        if asked != wanted {
            sender.over = true;
            return (sender, vec![error(1, "no\x1b[2J such file")]);
        }
        let words: Vec<&str> = words.filter(|word| !word.is_empty()).collect();
        if let (Some(code), false) = (habits.refuses_options, words.is_empty()) {
            sender.over = true;
            return (sender, vec![error(code as u8, "what is that?")]);
        }
        if habits.options && !words.is_empty() {
            sender.options = Some(sender.grant(&words));
        }
        let packets = sender.resend();
        (sender, packets)
    }

    fn grant(&mut self, words: &[&str]) -> Vec<u8> {
        let mut oack = vec![0, 6];
        for pair in words.chunks_exact(2) {
            let value: u64 = pair[1].parse().unwrap();
            let granted = match pair[0] {
                "blksize" => {
                    self.block = value.min(self.habits.block.into()) as usize;
                    self.block as u64
                }
                "windowsize" if self.habits.window > 1 => {
                    self.window = value.min(self.habits.window.into());
                    self.window
                }
                "tsize" => self.habits.announces.unwrap_or(self.data.len() as u64),
                _ => continue,
            };
            oack.extend(format!("{}\0{granted}\0", pair[0]).bytes());
        }
        oack
    }

    fn last(&self) -> u64 {
        (self.data.len() / self.block) as u64 + 1
    }

    /// What is sent again when nothing came for a while.
    pub fn resend(&mut self) -> Vec<Vec<u8>> {
        match &self.options {
            Some(oack) => vec![oack.clone()],
            None => self.blocks(),
        }
    }

    fn blocks(&mut self) -> Vec<Vec<u8>> {
        let mut packets = Vec::new();
        for number in self.acked + 1..=(self.acked + self.window).min(self.last()) {
            if number >= self.habits.silent_from {
                break;
            }
            if number >= self.habits.fails_at {
                self.over = true;
                packets.push(error(0, "disk on fire"));
                break;
            }
            let at = (number - 1) as usize * self.block;
            let end = self.data.len().min(at + self.block);
            let mut packet = vec![0, 3];
            packet.extend((number as u16).to_be_bytes());
            packet.extend(&self.data[at..end]);
            packet.extend(vec![0; self.habits.surplus]);
            packets.push(packet);
        }
        self.sent += packets.len() as u64;
        packets
    }

    /// A packet of the client.
    pub fn packet(&mut self, packet: &[u8]) -> Vec<Vec<u8>> {
        if self.over {
            return Vec::new();
        }
        match packet {
            [0, 4, high, low] => {
                let number = u16::from_be_bytes([*high, *low]);
                let ahead = u64::from(number.wrapping_sub(self.acked as u16));
                let first = self.options.is_some() && number == 0;
                if ahead > self.window || (ahead == 0 && !first && !self.habits.naive) {
                    return Vec::new();
                }
                self.options = None;
                self.acked += ahead;
                self.over = self.acked == self.last();
                if self.over { Vec::new() } else { self.blocks() }
            }
            [0, 5, high, low, ..] => {
                self.client_error = Some(u16::from_be_bytes([*high, *low]));
                self.over = true;
                Vec::new()
            }
            other => panic!("{other:?}"),
        }
    }
}

pub fn error(code: u8, text: &str) -> Vec<u8> {
    [&[0, 5, 0, code], text.as_bytes(), &[0]].concat()
}
